"""The configuration of a checkpoint's run, beside what its sidecar says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.faults import guarded
from checkpoint_meta.masking import mask_secrets
from checkpoint_meta.readers.yaml import read_yaml

if TYPE_CHECKING:
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import FieldPath, JSONValue


def with_configuration(row: Row) -> dict[FieldPath, JSONValue]:
    """Return the row's values and, as `config`, the Hydra configuration that they name.

    One that is gone or broken is left out; secrets in it are masked.
    """
    values = dict(row.values)
    location = values.get(("hydra_config_path",))
    if isinstance(location, str):
        folder = Path(row.sidecar or row.path).parent
        config, _ = guarded(lambda: read_yaml(folder / location))
        if config is not None:
            values["config",] = mask_secrets(config)
    return values
