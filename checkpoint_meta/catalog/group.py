"""Rows that were found together: what a catalog asks of them, a column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from checkpoint_meta.catalog.row import Record, RowFields, is_eligible
from checkpoint_meta.catalog.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.row import Row, Status
    from checkpoint_meta.evidence import FieldPath, JSONValue


class Group(Protocol):
    """Rows that were found together; all are of one run."""

    def __iter__(self) -> Iterator[Row]:
        """Yield each row."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def row(self, place: int) -> Row:
        """Return one row."""
        ...

    @property
    def run(self) -> str:
        """Return the folder of the run."""
        ...

    def path(self, place: int) -> str:
        """Return the path of one row's checkpoint."""
        ...

    def standing(self) -> Standing:
        """Return which rows may be the best of the run."""
        ...

    def statuses(self) -> Sequence[Status]:
        """Return the status of each row."""
        ...

    def eligible(self) -> Sequence[bool]:
        """Tell of each row whether it may be called the best."""
        ...

    def links(self) -> Sequence[str | None]:
        """Return for each row what it is a link to."""
        ...

    def cells(self, path: FieldPath) -> Sequence[JSONValue]:
        """Return each row's value of this very field; nothing where none has it."""
        ...

    def column(self, field: Field, now: float) -> Sequence[JSONValue]:
        """Return each row's value of what a person calls so."""
        ...


class ReadGroup:
    """Rows that were just read."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        records = [row.values for row in rows if isinstance(row.values, Record)]
        self._records = records if len({id(one.shape) for one in records}) == 1 else []
        """Of rows that all have the same fields, as those of a run do."""
        self._standing: Standing | None = None

    def __iter__(self) -> Iterator[Row]:
        """Yield each row."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def row(self, place: int) -> Row:
        """Return one row."""
        return self._rows[place]

    @property
    def run(self) -> str:
        """Return the folder of the run."""
        return self._rows[0].run

    def path(self, place: int) -> str:
        """Return the path of one row's checkpoint."""
        return self._rows[place].path

    def standing(self) -> Standing:
        """Return which rows may be the best of the run."""
        if self._standing is None:
            self._standing = Standing.of(self)
        return self._standing

    def statuses(self) -> Sequence[Status]:
        """Return the status of each row."""
        return [row.status for row in self._rows]

    def eligible(self) -> Sequence[bool]:
        """Tell of each row whether it may be called the best."""
        return [is_eligible(row.status, row.link, readable=row.readable) for row in self._rows]

    def links(self) -> Sequence[str | None]:
        """Return for each row what it is a link to."""
        return [row.link for row in self._rows]

    def cells(self, path: FieldPath) -> Sequence[JSONValue]:
        """Return each row's value of this very field; nothing where none has it."""
        if self._records and len(self._records) == len(self._rows):
            place = self._records[0].shape.get(path)
            return () if place is None else [record.cells[place] for record in self._records]
        cells = [row.values.get(path) for row in self._rows]
        return cells if any(cell is not None for cell in cells) else ()

    def column(self, field: Field, now: float) -> Sequence[JSONValue]:
        """Return each row's value of what a person calls so."""
        cells = self.cells(field.paths[0])
        if cells and None not in cells:
            return cells
        return [field.value(RowFields(row, now)) for row in self._rows]
