"""Which rows are shown, and in which order: filter, sort, the best of each group, limit. Pure."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from checkpoint_meta.catalog.fields import ROW_FIELDS, Field, find_field
from checkpoint_meta.catalog.first import FirstRows
from checkpoint_meta.catalog.group import ReadGroup
from checkpoint_meta.catalog.row import RowFields
from checkpoint_meta.catalog.row_list import RowList, pack, unpack
from checkpoint_meta.catalog.sorting import (
    SCORE,
    Modes,
    Order,
    better_order,
    sort_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.catalog.row import Row, Status
    from checkpoint_meta.catalog.row_list import Packed
    from checkpoint_meta.catalog.sorting import SortKey
    from checkpoint_meta.evidence import FieldPath, JSONValue


@dataclass(frozen=True, slots=True)
class Selection:
    """What somebody wants to see."""

    where: Query | None = None
    statuses: frozenset[Status] = frozenset()
    """Empty for any."""

    sort: tuple[SortKey, ...] = ()
    per: Field | None = None
    """What rows are grouped by; only the best `top` of each group stay."""

    top: int = 1
    limit: int | None = None
    aliases: Mapping[str, str] | None = None

    @property
    def is_stream(self) -> bool:
        """Tell whether each row can be shown as soon as it is known."""
        return not self.sort and self.per is None

    def fields(self) -> Iterator[Field]:
        """Yield each field that is asked for, and that no row has of its own."""
        asked = [*(self.where.fields() if self.where else ()), *(key.field for key in self.sort)]
        asked += [self.per] if self.per else []
        yield from (field for field in asked if field.name not in ROW_FIELDS)

    def paths(self) -> Iterator[FieldPath]:
        """Yield each field of the sidecar that may be asked for."""
        for field in self.fields():
            yield from field.paths

    def filtered(self, groups: Iterable[Group], now: float) -> Iterator[Group]:
        """Yield the rows that are asked for, in the order in which they come."""
        if not self.statuses and self.where is None:
            yield from groups
            return
        for group in groups:
            rows = [row for row in group if self._is_asked_for(row, now)]
            if rows:
                yield ReadGroup(rows)

    def _is_asked_for(self, row: Row, now: float) -> bool:
        if self.statuses and row.status not in self.statuses:
            return False
        return self.where is None or self.where.matches(RowFields(row, now))

    def selected(self, groups: Iterable[Group], now: float) -> Iterator[Row]:
        """Yield the rows that are asked for, in the order that is asked for."""
        chosen = self.filtered(groups, now)
        if self.sort and self.per is None and self.limit is not None:
            yield from self._first(chosen, self.limit, now)
            return
        rows: Iterator[Row] = chain.from_iterable(chosen)
        if not self.is_stream:
            rows = iter(self._ordered(RowList(rows), now))
        yield from islice(rows, self.limit)
        # Whoever counts the rows counts all of them.
        deque(rows if not self.is_stream else chosen, maxlen=0)

    def _first(self, groups: Iterable[Group], limit: int, now: float) -> list[Row]:
        first = FirstRows(self.sort, limit, Modes(self.aliases), now)
        for group in groups:
            first.add(group)
        return first.rows()

    def _ordered(self, rows: RowList, now: float) -> Iterable[Row]:
        keys = [
            (key.field, key.order or better_order(key.field, values_of(rows), self.aliases))
            for key in self.sort
        ]
        if self.per is None:
            return _sorted(rows, keys, now)
        ordered = RowList(_sorted(rows, keys, now))
        best = self._best(ordered if keys else _best_first(rows, now), self.per, now)
        return (row for row in ordered if row.path in best)

    def _best(self, ordered: Iterable[Row], per: Field, now: float) -> frozenset[str]:
        """Return the paths of the first `top` of each group; some cannot be the best."""
        seen: Counter[str] = Counter()
        best: set[str] = set()
        for row in ordered:
            group = json.dumps(per.value(RowFields(row, now)), sort_keys=True)
            if row.is_eligible and seen[group] < self.top:
                seen[group] += 1
                best.add(row.path)
        return frozenset(best)


def _best_first(rows: Iterable[Row], now: float) -> Iterator[Row]:
    """Yield the rows of each run by the metric that the run monitored."""
    runs: dict[str, list[Packed]] = {}
    for row in rows:
        runs.setdefault(row.run, []).append(pack(row))
    score = find_field(".".join(SCORE))
    for group in runs.values():
        order = better_order(score, values_of(map(unpack, group)))
        yield from _sorted(map(unpack, group), [(score, order)], now)


def _sorted(rows: Iterable[Row], keys: Sequence[tuple[Field, Order]], now: float) -> Iterator[Row]:
    ordered = sort_rows(
        map(pack, rows),
        keys,
        lambda packed: RowFields(unpack(packed), now),
        lambda packed: unpack(packed).path,
    )
    return map(unpack, ordered)


def values_of(rows: Iterable[Row]) -> Iterator[Mapping[FieldPath, JSONValue]]:
    """Yield the values of each row."""
    return (row.values for row in rows)
