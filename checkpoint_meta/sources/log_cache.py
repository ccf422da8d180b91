"""Logs as they were parsed, once for a run however many of its checkpoints ask."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.event_files import read_event_files
from checkpoint_meta.readers.scalars import read_metrics_csv
from checkpoint_meta.readers.wandb_log import WandbRun, read_wandb_log
from checkpoint_meta.sources.marks import may_read
from checkpoint_meta.sources.run_logs import LogFiles, LogKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from checkpoint_meta.readers.scalar_table import ScalarTable

MOST_BYTES: Final = 48 * 1024 * 1024
"""What the cache holds at most, the log that is in use aside."""

MOST_LOGS: Final = 4096
"""Beside the bytes, which empty logs hardly take."""

_OVERHEAD: Final = 4096
"""About what a log takes that has no rows."""

_BYTES_OF_FILE: Final = 600
"""About what is kept of one file of an artifact takes."""


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """The rows of one log, and for W&B what it says of the run."""

    tables: tuple[ScalarTable, ...]
    runs: tuple[WandbRun, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        rows = sum(table.size_bytes for table in self.tables)
        # A configuration as objects takes some four times its text.
        configs = sum(4 * len(repr(run.config)) for run in self.runs)
        files = sum(_BYTES_OF_FILE * len(run.files) for run in self.runs)
        return _OVERHEAD + rows + configs + files

    def rows_at(self, steps: tuple[int, ...]) -> list[dict[str, float]]:
        """Return the rows at any of `steps`, in their order."""
        return list(chain(*(table.rows_at(step) for step in steps for table in self.tables)))

    def rows_with(
        self, has: Callable[[tuple[str, ...]], bool]
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the step and the numbers of each row whose names `has` accepts."""
        return chain.from_iterable(table.rows_with(has) for table in self.tables)


Stamps = tuple[tuple["Path", int, int, bool], ...]
"""Path, size, time and whether it may be read, for each file of a log: while they hold, so does
what was parsed."""


@dataclass(frozen=True, slots=True)
class _Kept:
    found: ParsedLog | ReadError
    size_bytes: int


@dataclass(slots=True)
class LogCache:
    """Keeps what was asked for last, by path, size and time of its files."""

    most_bytes: int = MOST_BYTES
    parses: int = 0
    """How many logs were parsed, for whoever wants to know that each was parsed once."""

    _kept: OrderedDict[Stamps, _Kept] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def read(self, log: LogFiles) -> ParsedLog:
        """Return the log's rows.

        Raises:
            ReadError: if it cannot be read; a log that could not be is not tried again.
        """
        key = stamps_of(log)
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._insert(key, _parse(log))
        found = self._kept[key].found
        if isinstance(found, ReadError):
            raise found
        return found

    def _insert(self, key: Stamps, found: ParsedLog | ReadError) -> None:
        self.parses += 1
        size = found.size_bytes if isinstance(found, ParsedLog) else _OVERHEAD
        self._kept[key] = _Kept(found, size)
        self._bytes += size
        while len(self._kept) > 1 and (
            self._bytes > self.most_bytes or len(self._kept) > MOST_LOGS
        ):
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.size_bytes


LOGS: Final = LogCache()
"""The logs of this process."""


def stamps_of(log: LogFiles) -> Stamps:
    """Return what tells whether a log is still the one that was parsed.

    Raises:
        ReadError: if a file of it is not there.
    """
    return tuple(_stamp(file) for file in log.files)


def _stamp(file: Path) -> tuple[Path, int, int, bool]:
    try:
        status = file.stat()
    except OSError as error:
        raise ReadError(file, f"cannot be read ({error.strerror})") from error
    return file, status.st_size, status.st_mtime_ns, may_read(file)


def _parse(log: LogFiles) -> ParsedLog | ReadError:
    try:
        return _read(log)
    except ReadError as error:
        return error


def _read(log: LogFiles) -> ParsedLog:
    if log.kind is LogKind.CSV:
        return ParsedLog((read_metrics_csv(log.path),))
    if log.kind is LogKind.TENSORBOARD:
        return ParsedLog((read_event_files(log.files),))
    runs = tuple(_runs(log))
    return ParsedLog(tuple(run.history for run in runs), runs)


def _runs(log: LogFiles) -> Iterator[WandbRun]:
    for file in log.files:
        yield read_wandb_log(file)
