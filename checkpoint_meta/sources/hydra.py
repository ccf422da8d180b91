"""Hydra's own record of the run: `.hydra/config.yaml` and `overrides.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.masking import MASK, is_secret_text, mask_text
from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.sources.interface import each_of, location_of
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.model_config import model_claims
from checkpoint_meta.sources.reading import read_config
from checkpoint_meta.sources.signatures import load_signatures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile


FILES: Final = ("config.yaml", "overrides.yaml", "hydra.yaml")
"""What is read of `.hydra/`."""


class HydraSource:
    """The Hydra files of the checkpoint's run."""

    name: ClassVar[str] = "hydra"

    def __init__(self, signatures: Path | None = None) -> None:
        self._signatures = signatures

    def mark(self, checkpoint: CheckpointFile) -> str:
        """Return a mark of Hydra's files; `hydra.yaml` tells where W&B's may lie."""
        folder = checkpoint.run_dir / ".hydra"
        return mark_of((folder / name for name in FILES), folder)

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment for the configuration and one for the overrides.

        Raises:
            ReadError: if one of the files is there, but is not YAML.
        """
        folder = checkpoint.run_dir / ".hydra"
        yield from each_of(
            self._config(folder / "config.yaml", checkpoint),
            self._overrides(folder / "overrides.yaml", checkpoint),
        )

    def _config(self, file: Path, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        if not file.is_file():
            return
        config = read_config(file)
        location = location_of(file, checkpoint)
        values: dict[FieldPath, JSONValue] = {("hydra_config_path",): location}
        if isinstance(config, dict):
            values |= model_claims(config, load_signatures(self._signatures).aliases)
        yield Fragment(Origin(self.name, location), values)

    def _overrides(self, file: Path, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        overrides = read_yaml(file) if file.is_file() else None
        if isinstance(overrides, list) and overrides:
            shown = [mask_override(str(override)) for override in overrides]
            origin = Origin(self.name, location_of(file, checkpoint))
            yield Fragment(origin, {("hydra_overrides",): [*shown]})


def mask_override(override: str) -> str:
    """Return an override with `***` for each secret in it: its own value, or one inside."""
    key, equals, value = override.partition("=")
    # What Hydra takes for a key: `+key`, `++key`, `~key`, `key@package`, spaces around it.
    name = key.partition("@")[0].strip().lstrip("+~")
    if equals and is_secret_text(name, value):
        return f"{key}={MASK}"
    return mask_text(override)
