"""What training knows and nobody else: the Lightning callback, and sidecars for other loops.

`MetadataCallback` is imported from `checkpoint_meta`; `write_sidecar` needs no Lightning.
"""

from checkpoint_meta.training.describe import Options
from checkpoint_meta.training.manual import Facts, write_sidecar

__all__ = ["Facts", "Options", "write_sidecar"]
