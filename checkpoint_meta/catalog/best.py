"""The best checkpoint: of each run while rows pass by, and of all by a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.conditions import is_known
from checkpoint_meta.catalog.fields import find_field
from checkpoint_meta.catalog.row import RowFields, Status
from checkpoint_meta.catalog.sorting import (
    MODE,
    MONITOR,
    SCORE,
    Order,
    SortKey,
    better_order,
    order_by_name,
    sort_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import FieldPath

BEST: Final[FieldPath] = ("checkpointing", "best")
STEP: Final[FieldPath] = ("training", "global_step")


class BestOfRuns:
    """Remembers what each run recorded as its best, else its best score; earlier wins a tie.

    Links, and what is stale or cannot be read, are passed by.
    """

    def __init__(self) -> None:
        self._recorded: dict[str, list[str]] = {}
        self._scored: dict[str, tuple[float, float, str]] = {}

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield each row, and remember it if it is the best so far."""
        for row in rows:
            if row.link is None and is_eligible(row):
                if row.values.get(BEST) is True:
                    self._recorded.setdefault(row.run, []).append(row.path)
                score = row.values.get(SCORE)
                if isinstance(score, (int, float)) and is_known(score):
                    self._remember(row, score)
            yield row

    def _remember(self, row: Row, score: float) -> None:
        rank = -score if _is_high(row) else score
        before = self._scored.get(row.run)
        if before is not None and rank > before[0]:
            return
        step = row.values.get(STEP)
        standing = (rank, step if isinstance(step, int) else float("inf"), row.path)
        if before is None or standing < before:
            self._scored[row.run] = standing

    def paths(self) -> frozenset[str]:
        """Return the path of each best checkpoint that was seen."""
        scored = {path for run, (_, _, path) in self._scored.items() if run not in self._recorded}
        return frozenset(scored.union(*self._recorded.values()))


def is_eligible(row: Row) -> bool:
    """Tell whether a checkpoint may be called the best."""
    return row.link is None and row.readable and row.status is not Status.STALE


def _is_high(row: Row) -> bool:
    mode = row.values.get(MODE)
    if mode in ("min", "max"):
        return mode == "max"
    return order_by_name(str(row.values.get(MONITOR))) is Order.DESCENDING


def candidates(rows: Iterable[Row], query: Query | None, now: float) -> list[Row]:
    """Return the rows that may be called the best, and for which the query holds."""
    return [
        row
        for row in rows
        if is_eligible(row) and (query is None or query.matches(RowFields(row, now)))
    ]


def monitored(rows: Iterable[Row]) -> list[str]:
    """Return the names of the metrics that the runs monitored."""
    return sorted({str(row.values[MONITOR]) for row in rows if MONITOR in row.values})


def first(rows: Sequence[Row], key: SortKey, aliases: Mapping[str, str]) -> Row | None:
    """Return the best row by a key; a tie goes to the earlier step, then to the path."""
    known = [row for row in rows if is_known(key.field.value(row.values))]
    order = key.order or better_order(key.field, (row.values for row in known), aliases)
    keys = [(key.field, order), (find_field("step"), Order.ASCENDING)]
    ordered = sort_rows(known, keys, lambda row: row.values, lambda row: row.path)
    return ordered[0] if ordered else None
