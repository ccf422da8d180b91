"""What the user says about W&B: which run a checkpoint belongs to, and where runs are."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import SettingError
from checkpoint_meta.readers.yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.paths import CheckpointFile

_MOST_STARS: Final = 4
"""Pairs of stars in one glob that may stand for no folder."""


@dataclass(frozen=True, slots=True)
class RunName:
    """A run as people write it: `ID`, `PROJECT/ID` or `ENTITY/PROJECT/ID`."""

    run_id: str
    project: str | None = None
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class WandbChoice:
    """The options `--wandb-run`, `--wandb-map` and `--wandb-project`."""

    run: str | None = None
    by_pattern: Mapping[str, str] = field(default_factory=dict)
    """Glob of checkpoints -> run; the first that fits counts."""

    folder: Path = field(default_factory=Path)
    """What the globs are relative to: the folder of the file that holds them."""

    project: str | None = None
    """`ENTITY/PROJECT`, or `PROJECT` alone."""

    def run_of(self, checkpoint: CheckpointFile) -> RunName | None:
        """Return the run that the user says is the checkpoint's."""
        for pattern, run in self.by_pattern.items():
            if self._fits(pattern, checkpoint):
                return parse_run(run)
        return parse_run(self.run) if self.run else None

    def unused(self, checkpoints: Sequence[CheckpointFile]) -> list[str]:
        """Return the globs that fit none of the checkpoints."""
        return [
            pattern
            for pattern in self.by_pattern
            if not any(self._fits(pattern, checkpoint) for checkpoint in checkpoints)
        ]

    def _fits(self, pattern: str, checkpoint: CheckpointFile) -> bool:
        path = checkpoint.path.absolute().as_posix()
        base = self.folder.absolute().as_posix()
        whole = pattern if pattern.startswith("/") else f"{base}/{pattern}"
        return any(fnmatchcase(path, one) for one in _with_and_without(whole))

    @property
    def place(self) -> RunName:
        """Return the entity and project that were given, without a run."""
        *entity, project = (self.project or "").split("/")
        return RunName("", project or None, entity[0] if entity else None)


def _with_and_without(pattern: str) -> set[str]:
    """Return the pattern with each `/**/` as one folder or more, and as none."""
    first, *others = pattern.split("/**/")
    found = {first}
    for part in others[:_MOST_STARS]:
        found = {f"{start}{between}{part}" for start in found for between in ("/*/", "/")}
    rest = "".join(f"/*/{part}" for part in others[_MOST_STARS:])
    return {f"{start}{rest}" for start in found}


def parse_run(text: str) -> RunName:
    """Return the parts of a run's name; a `runs` between project and id is left out."""
    parts = [part for part in text.split("/") if part not in ("", "runs")]
    run_id = parts[-1] if parts else ""
    project = parts[-2] if len(parts) > 1 else None
    return RunName(run_id, project, parts[-3] if len(parts) > 2 else None)  # noqa: PLR2004 - all


def read_wandb_map(file: Path) -> dict[str, str]:
    """Return the globs and runs in a mapping file, YAML or JSON: `{"a/**": "team/ocr/1a2b3c4d"}`.

    Raises:
        ReadError: if the file cannot be read or is no YAML.
        SettingError: if it is no mapping from globs to runs.
    """
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise SettingError(file, "--wandb-map", "expected a mapping from globs to runs")
    runs: dict[str, str] = {}
    for pattern, run in content.items():
        if not isinstance(run, str) or not parse_run(run).run_id:
            raise SettingError(file, pattern, f"expected a run, got {run!r}")
        runs[pattern] = run
    return runs
