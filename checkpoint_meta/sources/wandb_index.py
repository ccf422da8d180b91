"""The local W&B runs of a folder, each parsed once for what may show whose it is."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.sources.log_cache import LOGS, stamps_of
from checkpoint_meta.sources.run_logs import find_wandb_logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from checkpoint_meta.sources.log_cache import ParsedLog, Stamps
    from checkpoint_meta.sources.run_logs import LogFiles
    from checkpoint_meta.sources.wandb_evidence import Clues

MOST_FOLDERS: Final = 64
"""Folders `wandb` whose runs this process remembers, for whoever asks next."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is kept of a run's log: a few bytes a row, not its rows."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    """Each step that has a row, in order."""

    sizes: frozenset[int] = frozenset()
    """Of the files of its artifacts."""

    names: frozenset[str] = frozenset()
    """`original_filename` of its artifacts."""

    error: str | None = None
    """Why the log cannot be read."""

    def has_row_at(self, step: int) -> bool:
        """Tell whether anything was logged at `step`."""
        place = bisect_left(self.steps, step)
        return place < len(self.steps) and self.steps[place] == step


@dataclass(slots=True)
class IndexedRun:
    """One run; its log is parsed when somebody asks for its facts, and once."""

    log: LogFiles
    stamps: Stamps
    run_id: str
    _facts: RunFacts | None = None

    @property
    def size_bytes(self) -> int:
        """Return the size of its files."""
        return sum(size for _, size, _, _ in self.stamps)

    @property
    def facts(self) -> RunFacts:
        """Return what its log says."""
        if self._facts is None:
            self._facts = _read_facts(self.log)
        return self._facts


def likely_runs(runs: Iterable[IndexedRun], clues: Clues) -> list[IndexedRun]:
    """Return the runs that any evidence may show to be the checkpoint's; no log is read again."""
    path = clues.checkpoint.path
    size = None if clues.checkpoint.is_sharded else path.stat().st_size
    ids = {clues.said_id, *clues.folders}
    steps = clues.question.place.steps if clues.question.place else ()
    return [
        run
        for run in runs
        if run.run_id in ids
        or size in run.facts.sizes
        or path.name in run.facts.names
        or any(run.facts.has_row_at(step) for step in steps)
    ]


def _read_facts(log: LogFiles) -> RunFacts:
    try:
        parsed = LOGS.read(log)
    except ReadError as error:
        return RunFacts(error=str(error))
    files = [file for run in parsed.runs for file in run.files]
    told = (file.metadata for file in files)
    names = (one.get("original_filename") for one in told if isinstance(one, dict))
    return RunFacts(
        _steps(parsed),
        frozenset(file.size_bytes for file in files),
        frozenset(name for name in names if isinstance(name, str)),
    )


def _steps(parsed: ParsedLog) -> array[int]:
    return array("q", sorted(set(chain.from_iterable(table.steps for table in parsed.tables))))


@dataclass(slots=True)
class WandbIndex:
    """The runs of each folder `wandb`, listed once; what a run's log says outlives the index."""

    _runs: dict[Path, list[IndexedRun]] = field(default_factory=dict)

    def runs_in(self, folders: Iterable[Path]) -> list[IndexedRun]:
        """Return the runs in some folders `wandb`, each of which need not exist."""
        found: list[IndexedRun] = []
        for folder in folders:
            if folder not in self._runs:
                self._runs[folder] = _list_runs(folder)
            found += self._runs[folder]
        return found


_KNOWN: Final[OrderedDict[Path, dict[Stamps, IndexedRun]]] = OrderedDict()


def _list_runs(folder: Path) -> list[IndexedRun]:
    """Return the runs as they lie there now; one whose files did not change keeps its facts."""
    known = _KNOWN.pop(folder, {})
    runs = {run.stamps: known.get(run.stamps, run) for run in _runs_there(folder)}
    if runs:
        _KNOWN[folder] = runs
        if len(_KNOWN) > MOST_FOLDERS:
            _KNOWN.popitem(last=False)
    return list(runs.values())


def _runs_there(folder: Path) -> Iterator[IndexedRun]:
    for log in find_wandb_logs(folder):
        try:
            stamps = stamps_of(log)
        except ReadError:
            # Removed since the folder was listed.
            continue
        yield IndexedRun(log, stamps, log.run_id)
