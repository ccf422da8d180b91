"""The best checkpoint: of each run while rows pass by, and of all by a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.catalog.fields import find_field
from checkpoint_meta.catalog.row import RowFields
from checkpoint_meta.catalog.sorting import (
    MONITOR,
    Order,
    SortKey,
    better_order,
    sort_rows,
)
from checkpoint_meta.catalog.values import is_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.standing import First


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
            standing = group.standing()
            if standing.recorded:
                paths = map(group.path, standing.recorded)
                self._recorded.setdefault(group.run, []).extend(paths)
            if standing.first is not None:
                self._watch_score(group, standing.first)
            yield group

    def _watch_score(self, group: Group, first: First) -> None:
        before = self._scored.get(group.run)
        if before is None or (first.rank, first.step) <= before[:2]:
            now = (first.rank, first.step, group.path(first.place))
            self._scored[group.run] = now if before is None else min(before, now)

    def paths(self) -> frozenset[str]:
        """Return the path of each best checkpoint that was seen."""
        scored = {path for run, (_, _, path) in self._scored.items() if run not in self._recorded}
        return frozenset(scored.union(*self._recorded.values()))


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
