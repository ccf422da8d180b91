"""Which format a file has, by its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.archive import LOCAL_MAGIC
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.torch_zip import read_torch_zip

if TYPE_CHECKING:
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.readers.stream import Ranges

_HEAD: Final = 512


def read_format(ranges: Ranges) -> CheckpointContents:
    """Return the contents of a file of any known format."""
    head = ranges.read(0, _HEAD)
    if head.startswith(LOCAL_MAGIC):
        return read_torch_zip(ranges)
    raise Fault("not a checkpoint of a known format")
