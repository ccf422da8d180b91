"""The best checkpoint: of each run while rows pass by, and of all by a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.fields import find_field
from checkpoint_meta.catalog.row import RowFields
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
from checkpoint_meta.catalog.values import is_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import FieldPath, JSONValue

BEST: Final[FieldPath] = ("checkpointing", "best")
STEP: Final[FieldPath] = ("training", "global_step")


class BestOfRuns:
    """Remembers what each run recorded as its best, else its best score; earlier wins a tie.

    Links, and what is stale or cannot be read, are passed by.
    """

    def __init__(self) -> None:
        self._recorded: dict[str, list[str]] = {}
        self._scored: dict[str, tuple[float, float, str]] = {}

    def watch(self, groups: Iterable[Group]) -> Iterator[Group]:
        """Yield each group, and remember what is the best in it so far."""
        for group in groups:
            scores, recorded = group.cells(SCORE), group.cells(BEST)
            if scores or recorded:
                eligible = group.eligible()
                for place, is_best in enumerate(recorded):
                    if is_best is True and eligible[place]:
                        self._recorded.setdefault(group.run, []).append(group.row(place).path)
                self._watch_scores(group, scores, eligible)
            yield group

    def _watch_scores(
        self, group: Group, scores: Sequence[JSONValue], eligible: Sequence[bool]
    ) -> None:
        ranks = _ranks(group, scores)
        eligible_ranks = [rank for rank, is_one in zip(ranks, eligible, strict=False) if is_one]
        lowest = min((rank for rank in eligible_ranks if rank is not None), default=None)
        before = self._scored.get(group.run)
        if lowest is None or (before is not None and lowest > before[0]):
            return
        rows = [group.row(place) for place, rank in enumerate(ranks) if rank == lowest]
        standings = [(lowest, _step(row), row.path) for row in rows if row.is_eligible]
        self._scored[group.run] = min([*standings, *([before] if before else [])])

    def paths(self) -> frozenset[str]:
        """Return the path of each best checkpoint that was seen."""
        scored = {path for run, (_, _, path) in self._scored.items() if run not in self._recorded}
        return frozenset(scored.union(*self._recorded.values()))


def _ranks(group: Group, scores: Sequence[JSONValue]) -> list[float | None]:
    """Return for each score a number that is the lower the better it is; `None` for none."""
    nothing = (None,) * len(scores)
    modes, monitors = group.cells(MODE) or nothing, group.cells(MONITOR) or nothing
    return [
        None
        if not isinstance(score, (int, float)) or not is_known(score)
        else -score
        if mode == "max" or (mode != "min" and _is_high(monitor))
        else score
        for score, mode, monitor in zip(scores, modes, monitors, strict=True)
    ]


def _step(row: Row) -> float:
    step = row.values.get(STEP)
    return step if isinstance(step, int) else float("inf")


def _is_high(monitor: JSONValue) -> bool:
    return order_by_name(str(monitor)) is Order.DESCENDING


def candidates(groups: Iterable[Group], query: Query | None, now: float) -> list[Row]:
    """Return the rows that may be called the best, and for which the query holds."""
    return [
        row
        for group in groups
        for row in group
        if row.is_eligible and (query is None or query.matches(RowFields(row, now)))
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
