"""Where the logs of a run lie: below its folder, and W&B's also beside the folders above it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.fields import look_up

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FOLDERS: Final = 2_000
"""Folders that are looked into for one run; logs lie near its top."""

_DEEPEST: Final = 6
_LEVELS_ABOVE: Final = 4
"""`multirun/<date>/<time>/<number>` lies four levels below the folder of its `wandb`."""


class LogKind(StrEnum):
    """Who wrote a log."""

    CSV = "CSV"
    TENSORBOARD = "TensorBoard"
    WANDB = "W&B"


@dataclass(frozen=True, slots=True)
class LogFiles:
    """One log: a file, or several that one logger wrote one after the other."""

    kind: LogKind
    files: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """Return the file by which the log is named."""
        return self.files[0]

    @property
    def folder(self) -> Path:
        """Return the folder that it lies in."""
        return self.path.parent

    @property
    def size_bytes(self) -> int:
        """Return the size of the files that are still there."""
        return sum(file.stat().st_size for file in self.files if file.exists())

    @property
    def run_id(self) -> str:
        """Return the run that the name of a W&B log says."""
        return self.path.stem.removeprefix("run-")


def find_logs(run_dir: Path) -> list[LogFiles]:
    """Return the logs below `run_dir`, in the order of their paths; nested runs have their own."""
    found: list[LogFiles] = []
    for folder, names in _looked_into(run_dir):
        if names is None:
            continue
        found += find_wandb_logs(folder) if folder.name == "wandb" else _logs_in(folder, names)
    return sorted(found, key=lambda log: (log.kind, log.path))


def log_folders(run_dir: Path) -> Iterator[Path]:
    """Yield the folders below `run_dir` that decide what `find_logs` finds."""
    for folder, _ in _looked_into(run_dir):
        yield folder
        if folder.name == "wandb":
            yield from (folder / name for name in _listing(folder)[1])


def _looked_into(run_dir: Path) -> Iterator[tuple[Path, list[str] | None]]:
    """Yield each folder with the names of its files; `None` where a nested run begins."""
    waiting = [(run_dir, 0)]
    for _ in range(MOST_FOLDERS):
        if not waiting:
            break
        folder, depth = waiting.pop()
        names, below = _listing(folder)
        if depth and _is_nested_run(below, run_dir):
            yield folder, None
            continue
        yield folder, names
        if folder.name != "wandb" and depth < _DEEPEST:
            waiting += [(folder / name, depth + 1) for name in below]


def _listing(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the files and of the folders in `folder`; links are not followed."""
    names: list[str] = []
    below: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                elif entry.is_file():
                    names.append(entry.name)
    except OSError:
        # A folder that may not be listed holds no log that could be read.
        return [], []
    return sorted(names), sorted(below)


def _is_nested_run(below: list[str], run_dir: Path) -> bool:
    """Tell whether a folder is a run of its own, by the same marks as `find_run_dir`."""
    if ".hydra" in below:
        return True
    return "checkpoints" in below and not (run_dir / ".hydra").is_dir()


def _logs_in(folder: Path, names: list[str]) -> Iterator[LogFiles]:
    if "metrics.csv" in names:
        yield LogFiles(LogKind.CSV, (folder / "metrics.csv",))
    events = tuple(folder / name for name in names if name.startswith("events.out.tfevents."))
    if events:
        yield LogFiles(LogKind.TENSORBOARD, events)


def find_wandb_logs(folder: Path) -> list[LogFiles]:
    """Return the runs in a folder `wandb`; a run that was resumed offline has several files."""
    by_run: dict[str, list[Path]] = {}
    for name in _listing(folder)[1]:
        if name.startswith(("run-", "offline-run-")):
            run_id = name.rsplit("-", 1)[-1]
            file = folder / name / f"run-{run_id}.wandb"
            if file.is_file():
                by_run.setdefault(run_id, []).append(file)
    return [LogFiles(LogKind.WANDB, tuple(files)) for files in by_run.values()]


def wandb_folders_around(run_dir: Path) -> list[Path]:
    """Return W&B's folders where `run_dir`'s process may have been started: above it, or its cwd.

    Each need not exist.
    """
    above = [*run_dir.absolute().parents][:_LEVELS_ABOVE]
    started = _working_folder(run_dir)
    folders = dict.fromkeys([*above, *([started] if started else [])])
    return [folder / "wandb" for folder in folders]


def _working_folder(run_dir: Path) -> Path | None:
    """Return the folder that Hydra says it was started in."""
    file = run_dir / ".hydra" / "hydra.yaml"
    try:
        settings = read_yaml(file) if file.is_file() else None
    except ReadError:
        # Hydra's own settings, which may hold more than JSON has names for.
        return None
    given = look_up(settings, ("hydra", "runtime", "cwd")) if isinstance(settings, dict) else None
    return Path(given) if isinstance(given, str) and given.startswith("/") else None
