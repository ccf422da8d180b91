"""Many rows in little memory: those from the index are made anew each time they are looked at."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.catalog.kept_group import KeptValues
from checkpoint_meta.catalog.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Packed: TypeAlias = "Row | KeptValues"
"""A row, or what it can be made of."""


def pack(row: Row) -> Packed:
    """Return what takes less memory than the row."""
    return row.values if isinstance(row.values, KeptValues) else row


def unpack(packed: Packed) -> Row:
    """Return the row."""
    return packed.row() if isinstance(packed, KeptValues) else packed


class RowList(Collection[Row]):
    """Rows that can be gone through several times."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._packed = [pack(row) for row in rows]

    def __iter__(self) -> Iterator[Row]:
        """Yield each row."""
        return map(unpack, self._packed)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._packed)

    def __contains__(self, row: object) -> bool:
        """Tell whether a row is among them."""
        return any(row == one for one in self)
