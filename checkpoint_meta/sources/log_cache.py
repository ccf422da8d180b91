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
from checkpoint_meta.sources.run_logs import LogFiles, LogKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.readers.scalar_table import ScalarTable

MOST_BYTES: Final = 48 * 1024 * 1024
"""What the cache holds at most, the log that is in use aside."""

MOST_LOGS: Final = 256


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """The rows of one log, and for W&B what it says of the run."""

    tables: tuple[ScalarTable, ...]
    runs: tuple[WandbRun, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return sum(table.size_bytes for table in self.tables)

    def rows_at(self, steps: tuple[int, ...]) -> list[dict[str, float]]:
        """Return the rows at any of `steps`, in their order."""
        return list(chain(*(table.rows_at(step) for step in steps for table in self.tables)))


_Key = tuple[tuple["Path", int, int], ...]


@dataclass(slots=True)
class LogCache:
    """Keeps what was asked for last, by path, size and time of its files."""

    most_bytes: int = MOST_BYTES
    parses: int = 0
    """How many logs were parsed, for whoever wants to know that each was parsed once."""

    _kept: OrderedDict[_Key, ParsedLog | ReadError] = field(default_factory=OrderedDict)

    def read(self, log: LogFiles) -> ParsedLog:
        """Return the log's rows.

        Raises:
            ReadError: if it cannot be read; a log that could not be is not tried again.
        """
        key = _stamps(log)
        if key not in self._kept:
            self.parses += 1
            self._kept[key] = _parse(log)
        self._kept.move_to_end(key)
        self._make_room()
        found = self._kept[key]
        if isinstance(found, ReadError):
            raise found
        return found

    def _make_room(self) -> None:
        sizes = [_size(one) for one in self._kept.values()]
        while len(sizes) > 1 and (sum(sizes) > self.most_bytes or len(sizes) > MOST_LOGS):
            self._kept.popitem(last=False)
            del sizes[0]


def _size(found: ParsedLog | ReadError) -> int:
    return found.size_bytes if isinstance(found, ParsedLog) else 0


LOGS: Final = LogCache()
"""The logs of this process."""


def _stamps(log: LogFiles) -> _Key:
    return tuple(_stamp(file) for file in log.files)


def _stamp(file: Path) -> tuple[Path, int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise ReadError(file, f"cannot be read ({error.strerror})") from error
    return file, status.st_size, status.st_mtime_ns


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
