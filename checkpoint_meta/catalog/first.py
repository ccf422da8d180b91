"""The first rows of an order, found while rows pass by: memory does not grow with their number."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.fields import ROW_FIELDS
from checkpoint_meta.catalog.row import RowFields
from checkpoint_meta.catalog.sorting import Modes, Order, comparable, sort_rows
from checkpoint_meta.catalog.values import is_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.sorting import Comparable, SortKey
    from checkpoint_meta.evidence import FieldPath, JSONValue

CROWD: Final = 1000
"""Rows that are kept before those are let go that cannot be among the first."""


class FirstRows:
    """Keeps the first rows of every way that there may be: which one is better shows at the end."""

    def __init__(self, keys: Sequence[SortKey], limit: int, modes: Modes, now: float) -> None:
        self._keys = keys
        self._limit = limit
        self._modes = modes
        self._now = now
        self._is_own = any(key.field.name in ROW_FIELDS for key in keys)
        self._ways = [
            list(zip((key.field for key in keys), orders, strict=True))
            for orders in product(*([key.order] if key.order else Order for key in keys))
        ]
        self._crowd = max(CROWD, 4 * len(self._ways) * limit)
        self._kept: list[Row] = []
        self._gates: list[tuple[Order, Comparable]] = []
        """What the first key must at least be for a row to be among the first of some way."""

    def add(self, group: Group) -> None:
        """Keep the rows that may be among the first."""
        self._modes.count(group.standing().modes)
        if not self._gates:
            self._kept += group
        else:
            field = self._keys[0].field
            self._kept += map(group.row, self._passing(group.column(field, self._now)))
        if len(self._kept) >= self._crowd:
            self._let_go()

    def _passing(self, values: Sequence[JSONValue]) -> list[int]:
        """Return the places of the values that are as good as the last of some first rows."""
        extremes = _extremes(values)
        if not any(_passes(best, *gate) for gate in self._gates for best in extremes):
            return []
        return [
            place
            for place, value in enumerate(values)
            if is_known(value) and any(_passes(comparable(value), *gate) for gate in self._gates)
        ]

    def rows(self) -> list[Row]:
        """Return the first of the rows that were added, in their order."""
        keys = [(key.field, key.order or self._modes.better_order(key.field)) for key in self._keys]
        return self._sorted(keys)[: self._limit]

    def _let_go(self) -> None:
        firsts = [self._sorted(way)[: self._limit] for way in self._ways]
        self._kept = list({row.path: row for first in firsts for row in first}.values())
        field = self._keys[0].field
        lasts = [field.value(self._values(first[-1])) if first else None for first in firsts]
        # Where a way still has room for a row without a value, it has room for any.
        self._gates = [
            (way[0][1], comparable(last))
            for way, last in zip(self._ways, lasts, strict=True)
            if all(map(is_known, lasts))
        ]

    def _sorted(self, keys: Sequence[tuple[Field, Order]]) -> list[Row]:
        return sort_rows(self._kept, keys, self._values, lambda row: row.path)

    def _values(self, row: Row) -> Mapping[FieldPath, JSONValue]:
        return RowFields(row, self._now) if self._is_own else row.values


def _passes(value: Comparable, order: Order, last: Comparable) -> bool:
    return value >= last if order is Order.DESCENDING else value <= last


def _extremes(values: Sequence[JSONValue]) -> tuple[Comparable, ...]:
    """Return the highest and the lowest of the values."""
    if set(map(type, values)) == {float} and not math.isnan(math.fsum(values)):  # type: ignore[arg-type]
        return comparable(max(values)), comparable(min(values))  # type: ignore[type-var]
    known = [comparable(value) for value in values if is_known(value)]
    return (max(known), min(known)) if known else ()
