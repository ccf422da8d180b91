"""The rows of one folder from the index, which may never be made: most ask for a column or two."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.known import ABSENT, heads_in
from checkpoint_meta.catalog.marks import SIZE, join, state_in
from checkpoint_meta.catalog.row import Row, RowFields, Status, is_eligible, shape_of
from checkpoint_meta.catalog.standing import Standing
from checkpoint_meta.evidence import FieldPath, JSONValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.known import Heads, Known
    from checkpoint_meta.catalog.row import Shape

_ABSENT: Final = json.dumps(ABSENT)

_decode: Final = json.JSONDecoder().raw_decode
"""Without the search for white space of `json.loads`, which takes as long as the rest."""

_STATUS: Final = {status.value: status for status in Status}


class KeptGroup:
    """Rows from the index, decoded a column at a time."""

    __slots__ = ("_folder", "_heads_text", "_lines", "_marks", "_run", "_standing", "_total")

    def __init__(self, folder: str, run: str, known: Known) -> None:
        self._folder = folder
        self._run = run
        self._total = known.total
        self._marks = known.marks
        self._standing: str | Standing = known.standing
        # Most folders have the same heads and texts; kept once, 100,000 rows fit into little.
        self._heads_text = intern(known.heads)
        self._lines = _lines(known.light), _lines(known.more) if known.more else _NOTHING

    def __iter__(self) -> Iterator[Row]:
        """Yield each row."""
        return map(self.row, range(len(self)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._total

    def row(self, place: int) -> Row:
        """Return one row."""
        heads = self._heads
        sidecar = heads.sidecars[place]
        state = state_in(self._marks[2 * SIZE * place : (2 * place + 1) * SIZE])
        return Row(
            self.path(place),
            self._run,
            _STATUS[heads.statuses[place]],
            None if sidecar is None else _beside(self._folder, sidecar),
            None if state is None else state.size,
            None if state is None else state.mtime_ns,
            KeptValues(self, place),
            heads.problems[place],
            heads.readables[place],
            heads.links[place],
        )

    @property
    def run(self) -> str:
        """Return the folder of the run."""
        return self._run

    def path(self, place: int) -> str:
        """Return the path of one row's checkpoint."""
        return join(self._folder, self._heads.names[place])

    def standing(self) -> Standing:
        """Return which rows may be the best of the run."""
        if isinstance(self._standing, str):
            self._standing = Standing.read(self._standing)
        return self._standing

    def statuses(self) -> Sequence[Status]:
        """Return the status of each row."""
        return _statuses(self._heads_text)

    def eligible(self) -> Sequence[bool]:
        """Tell of each row whether it may be called the best."""
        return _eligible(self._heads_text)

    def links(self) -> Sequence[str | None]:
        """Return for each row what it is a link to."""
        return self._heads.links

    def cells(self, path: FieldPath) -> Sequence[JSONValue]:
        """Return each row's value of this very field; nothing where none has it."""
        place = self.shape().get(path)
        if place is None:
            return ()
        cells = self.decoded(place)
        is_whole = ABSENT not in cells
        return cells if is_whole else [None if cell is ABSENT else cell for cell in cells]

    def column(self, field: Field, now: float) -> Sequence[JSONValue]:
        """Return each row's value of what a person calls so."""
        cells = self.cells(field.paths[0])
        if cells and None not in cells:
            return cells
        return [field.value(RowFields(row, now)) for row in self]

    def shape(self) -> Shape:
        """Return the place of each column."""
        return _shape(self._lines[0][0], self._lines[1][0])

    def decoded(self, place: int) -> Sequence[JSONValue]:
        """Return a column; `ABSENT` itself stands where a row has no such field."""
        light, more = self._lines
        return _cells(light[place + 1] if place + 1 < len(light) else more[place + 2 - len(light)])

    @property
    def _heads(self) -> Heads:
        return heads_in(self._heads_text)


class KeptValues(Mapping[FieldPath, JSONValue]):
    """The values of one row in a group's columns."""

    __slots__ = ("_group", "_place")

    def __init__(self, group: KeptGroup, place: int) -> None:
        self._group = group
        self._place = place

    def fields(self) -> tuple[FieldPath, ...]:
        """Return the fields that rows of the folder have."""
        return tuple(self._group.shape())

    def row(self) -> Row:
        """Return the whole row."""
        return self._group.row(self._place)

    def __getitem__(self, field: FieldPath) -> JSONValue:
        """Return the value of a field."""
        value = self._cell(self._group.shape()[field])
        if value is ABSENT:
            raise KeyError(field)
        return value

    def get(self, field: FieldPath, default: JSONValue = None) -> JSONValue:  # type: ignore[override]
        """Return the value of a field, without the detour over an exception."""
        column = self._group.shape().get(field)
        value = ABSENT if column is None else self._cell(column)
        return default if value is ABSENT else value

    def __contains__(self, field: object) -> bool:
        """Tell whether the row has a field."""
        column = self._group.shape().get(field)  # type: ignore[call-overload]
        return column is not None and self._cell(column) is not ABSENT

    def __iter__(self) -> Iterator[FieldPath]:
        """Yield the fields that the row has."""
        for field, column in self._group.shape().items():
            if self._cell(column) is not ABSENT:
                yield field

    def __len__(self) -> int:
        """Return the number of fields that the row has."""
        return sum(1 for _ in self)

    def _cell(self, column: int) -> JSONValue:
        return self._group.decoded(column)[self._place]


def _lines(text: str) -> tuple[str, ...]:
    first, *columns = text.split("\n")
    return (intern(first), *[intern(one) if one.startswith('["') else one for one in columns])


_NOTHING: Final = _lines("[]")


@lru_cache(maxsize=256)
def _shape(light: str, more: str) -> Shape:
    fields = (*json.loads(light), *json.loads(more))
    return shape_of(tuple(map(tuple, fields)))


@lru_cache(maxsize=1024)
def _cells(column: str) -> Sequence[JSONValue]:
    cells: list[JSONValue] = _decode(column)[0]
    if _ABSENT in column:
        return tuple(ABSENT if cell == ABSENT else cell for cell in cells)
    return tuple(cells)


@lru_cache(maxsize=1024)
def _statuses(heads: str) -> tuple[Status, ...]:
    return tuple(_STATUS[status] for status in heads_in(heads).statuses)


@lru_cache(maxsize=1024)
def _eligible(text: str) -> tuple[bool, ...]:
    heads = heads_in(text)
    rows = zip(_statuses(text), heads.links, heads.readables, strict=True)
    return tuple(is_eligible(status, link, readable=readable) for status, link, readable in rows)


def _beside(folder: str, sidecar: str) -> str:
    path = join(folder, sidecar)
    return os.path.normpath(path) if os.sep in sidecar else path
