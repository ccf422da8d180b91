"""Configurations that lie beside a checkpoint or in its run, other than Hydra's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.readers.yaml import CONFIG_BYTES, read_text, read_yaml
from checkpoint_meta.sources.contents import presentable
from checkpoint_meta.sources.interface import each_of, location_of
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.model_config import model_claims
from checkpoint_meta.sources.signatures import load_signatures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile

ENDINGS: Final = (".resolved.config.json", ".config.json", ".config.yaml", ".config.yml")


HPARAMS: Final = "hparams.yaml"
"""What Lightning's loggers write of a run's hyper-parameters."""


class ConfigFilesSource:
    """`x.config.json` and its kin beside `x.ckpt`, and the run's `hparams.yaml`."""

    name: ClassVar[str] = "config"

    def __init__(self, signatures: Path | None = None) -> None:
        self._signatures = signatures

    def mark(self, checkpoint: CheckpointFile) -> str:
        """Return a mark of the files."""
        files = [*configurations_beside(checkpoint), checkpoint.run_dir / HPARAMS]
        return mark_of(files, checkpoint.path.parent)

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment for each file.

        Raises:
            ReadError: if one of the files is there, but cannot be read.
        """
        beside = (
            self._configuration(checkpoint, file) for file in configurations_beside(checkpoint)
        )
        yield from each_of(*beside, self._hparams(checkpoint))

    def _hparams(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        hparams = checkpoint.run_dir / HPARAMS
        values = _read(hparams) if hparams.is_file() else None
        if isinstance(values, dict) and values:
            origin = Origin(self.name, location_of(hparams, checkpoint))
            yield Fragment(origin, {("hyperparameters",): presentable(values)})

    def _configuration(self, checkpoint: CheckpointFile, file: Path) -> Iterator[Fragment]:
        config = _read(file) if file.is_file() else None
        if isinstance(config, dict):
            claims = model_claims(config, load_signatures(self._signatures).aliases)
            yield Fragment(Origin(self.name, location_of(file, checkpoint)), claims)


def configurations_beside(checkpoint: CheckpointFile) -> list[Path]:
    """Return where a configuration of this very checkpoint may lie; each need not exist."""
    stem = checkpoint.layout.stem(checkpoint.path.name)
    return [checkpoint.path.parent / f"{stem}{ending}" for ending in ENDINGS]


def _read(file: Path) -> JSONValue:
    if file.suffix != ".json":
        return read_yaml(file)
    try:
        value: JSONValue = json.loads(read_text(file, CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        raise ReadError(file, f"not JSON ({error})") from error
    return value
