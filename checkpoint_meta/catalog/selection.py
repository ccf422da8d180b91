"""Which rows are shown, and in which order: filter, sort, the best of each group, limit. Pure."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.best import is_eligible
from checkpoint_meta.catalog.conditions import is_known
from checkpoint_meta.catalog.fields import ROW_FIELDS, Field, find_field
from checkpoint_meta.catalog.row import RowFields
from checkpoint_meta.catalog.sorting import (
    SCORE,
    Comparable,
    Modes,
    Order,
    better_order,
    comparable,
    sort_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.catalog.row import Row, Status
    from checkpoint_meta.catalog.sorting import SortKey
    from checkpoint_meta.evidence import FieldPath, JSONValue

_CROWD: Final = 10_000
"""Rows that are kept before those are let go that cannot be among the first."""


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

    def filtered(self, rows: Iterable[Row], now: float) -> Iterator[Row]:
        """Yield the rows that are asked for, in the order in which they come."""
        for row in rows:
            if self.statuses and row.status not in self.statuses:
                continue
            if self.where is None or self.where.matches(RowFields(row, now)):
                yield row

    def selected(self, rows: Iterable[Row], now: float) -> Iterator[Row]:
        """Yield the rows that are asked for, in the order that is asked for."""
        chosen = self.filtered(rows, now)
        if self.sort and self.per is None and self.limit is not None:
            chosen = iter(self._first(chosen, self.limit, now))
        elif not self.is_stream:
            chosen = iter(self._ordered(list(chosen), now))
        yield from islice(chosen, self.limit)
        # Whoever counts the rows counts all of them.
        deque(chosen, maxlen=0)

    def _first(self, rows: Iterable[Row], limit: int, now: float) -> list[Row]:
        """Return the first rows of the order; memory does not grow with the number of rows.

        Which way is better is known only at the end: until then the first rows of every way that
        there may be are kept.
        """
        modes = Modes(self.aliases)
        ways = [
            list(zip((key.field for key in self.sort), orders, strict=True))
            for orders in product(*([key.order] if key.order else Order for key in self.sort))
        ]
        kept: list[Row] = []
        gates: list[Gate] = []
        for row in rows:
            modes.count(row.values)
            if gates and not any(gate.lets(row, now) for gate in gates):
                continue
            kept.append(row)
            if len(kept) >= max(_CROWD, 4 * len(ways) * limit):
                firsts = [_sorted(kept, way, now)[:limit] for way in ways]
                kept = list({row.path: row for first in firsts for row in first}.values())
                gates = [
                    Gate.behind(*way[0], first, now)
                    for way, first in zip(ways, firsts, strict=True)
                ]
        keys = [(key.field, key.order or modes.better_order(key.field)) for key in self.sort]
        return _sorted(kept, keys, now)[:limit]

    def _ordered(self, rows: Sequence[Row], now: float) -> Iterable[Row]:
        keys = [
            (key.field, key.order or better_order(key.field, values_of(rows), self.aliases))
            for key in self.sort
        ]
        ordered = _sorted(rows, keys, now)
        if self.per is None:
            return ordered
        best = self._best(ordered if keys else _best_first(rows, now), self.per, now)
        return [row for row in ordered if row.path in best]

    def _best(self, ordered: Iterable[Row], per: Field, now: float) -> frozenset[str]:
        """Return the paths of the first `top` of each group; some cannot be the best."""
        seen: Counter[str] = Counter()
        best: set[str] = set()
        for row in ordered:
            group = json.dumps(per.value(RowFields(row, now)), sort_keys=True)
            if is_eligible(row) and seen[group] < self.top:
                seen[group] += 1
                best.add(row.path)
        return frozenset(best)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the first key of a row must at least be for the row to be among the first."""

    field: Field
    order: Order
    last: Comparable | None
    """Of the last one that is among the first; `None` where there is room."""

    @classmethod
    def behind(cls, field: Field, order: Order, first: Sequence[Row], now: float) -> Gate:
        """Return the gate behind the first rows; one that has no value leaves it open."""
        value = field.value(RowFields(first[-1], now)) if first else None
        return cls(field, order, comparable(value) if is_known(value) else None)

    def lets(self, row: Row, now: float) -> bool:
        """Tell whether the row may be among the first."""
        if self.last is None:
            return True
        value = self.field.value(RowFields(row, now))
        if not is_known(value):
            return False
        own = comparable(value)
        return own >= self.last if self.order is Order.DESCENDING else own <= self.last


def _best_first(rows: Sequence[Row], now: float) -> list[Row]:
    """Return the rows of each run by the metric that the run monitored."""
    runs: dict[str, list[Row]] = {}
    for row in rows:
        runs.setdefault(row.run, []).append(row)
    score = find_field(".".join(SCORE))
    return [
        row
        for group in runs.values()
        for row in _sorted(group, [(score, better_order(score, values_of(group)))], now)
    ]


def _sorted(rows: Iterable[Row], keys: Sequence[tuple[Field, Order]], now: float) -> list[Row]:
    return sort_rows(rows, keys, lambda row: RowFields(row, now), lambda row: row.path)


def values_of(rows: Iterable[Row]) -> Iterator[Mapping[FieldPath, JSONValue]]:
    """Yield the values of each row."""
    return (row.values for row in rows)
