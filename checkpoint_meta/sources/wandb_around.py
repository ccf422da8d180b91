"""W&B's runs in the folders around a run, looked for once; one of them may be its own."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from checkpoint_meta.sources.run_logs import wandb_folders_around

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.sources.wandb_index import IndexedRun, WandbIndex

_MOMENT: Final = "%Y%m%d_%H%M%S"
_STARTED: Final = re.compile(r"run-(\d{8}_\d{6})-")
"""W&B names a run's folder by the local time of its start: `run-20251009_103330-1a2b3c4d`."""

_CLOCKS: Final = timedelta(days=1)
"""What clocks and zones may differ by."""


@dataclass(slots=True)
class RunsAround:
    """The runs around each run, as `index` lists them."""

    index: WandbIndex
    _folders: dict[Path, list[Path]] = field(default_factory=dict)
    _dated: dict[Path, list[tuple[str, Path]]] = field(default_factory=dict)

    def of(self, run_dir: Path) -> list[IndexedRun]:
        """Return the runs in the folders above, and in the one that Hydra was started in."""
        if run_dir not in self._folders:
            self._folders[run_dir] = wandb_folders_around(run_dir)
        return self.index.runs_in(self._folders[run_dir])

    def logs_before(self, run_dir: Path, moment: float) -> list[Path]:
        """Return the files of the runs that began before `moment`, in seconds since 1970.

        A checkpoint of that time is of no younger run.
        """
        if run_dir not in self._dated:
            files = [file for run in self.of(run_dir) for file in run.log.files]
            self._dated[run_dir] = sorted((_started(file), file) for file in files)
        dated = self._dated[run_dir]
        if not dated:
            return []
        latest = datetime.fromtimestamp(moment, tz=UTC).astimezone() + _CLOCKS
        until = bisect_right(dated, latest.strftime(_MOMENT), key=lambda one: one[0])
        return [file for _, file in dated[:until]]


def _started(file: Path) -> str:
    """Return when a run began, by its folder's name; nothing where that does not say."""
    found = _STARTED.search(file.parent.name)
    return found[1] if found else ""
