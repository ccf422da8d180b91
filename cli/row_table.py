"""Rows of the catalog as a table."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.row import Status

from .cells import show_value
from .table import Cell, Head, Lines, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from checkpoint_meta.catalog.columns import Column
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import JSONValue

_STYLES: Final = {
    Status.OK: "",
    Status.MISSING: "dim",
    Status.STALE: "magenta",
    Status.INVALID: "red",
    Status.ORPHAN: "red",
}
_BEST: Final = "bold green"
_MARK: Final = "*"

_TEXTS: Final = frozenset({"run", "checkpoint", "problem", "link", "sidecar"})
"""Columns that may be shortened in their middle."""

_WEIGHTS: Final = {
    "run": 0,
    "checkpoint": 0,
    "epoch": 0,
    "status": 0,
    "step": 1,
    "age": 2,
    "size": 200,
    "problem": 201,
    "sidecar": 202,
}
"""Which column goes first where the terminal is too narrow; 0 stays. Metrics lie between."""

_METRIC: Final = 10

_USUAL_FOLDER: Final = "checkpoints/"


@dataclass(slots=True)
class _Seen:
    """What stands in one column."""

    texts: set[str] = field(default_factory=set)
    """Up to two different values, as JSON."""

    is_number: bool = True
    """Nothing but numbers stands there."""

    last: JSONValue = None
    """Where all have the same value, it is written as JSON once."""

    def add(self, value: JSONValue) -> None:
        if not isinstance(value, (int, float, type(None))):
            self.is_number = False
        is_new = value is not self.last or not self.texts
        if is_new and len(self.texts) < 2:  # noqa: PLR2004 - one value, or more than one
            self.texts.add(json.dumps(value))
            self.last = value


@dataclass(frozen=True, slots=True)
class RowTable:
    """Rows and columns; what stands in them is made anew each time that it is looked at."""

    rows: Collection[Row]
    columns: Sequence[Column]
    now: float
    best: frozenset[str]
    """Paths of the checkpoints that are marked."""

    seen: Sequence[_Seen]
    """For each column what stands in it."""

    @classmethod
    def of(
        cls, rows: Collection[Row], columns: Sequence[Column], now: float, best: frozenset[str]
    ) -> RowTable:
        """Return the table of what stands in the columns."""
        seen = [_Seen() for _ in columns]
        for row in rows:
            for one, column in zip(seen, columns, strict=True):
                one.add(column.value(row, now))
        return cls(rows, columns, now, best, seen)

    def telling(self) -> tuple[RowTable, str | None]:
        """Return the columns that tell rows apart, and the run where all have the same.

        A column without a value, and a status that is `ok` everywhere, say nothing.
        """
        kept: list[int] = []
        common: str | None = None
        for place, column in enumerate(self.columns):
            texts = self.seen[place].texts
            if column.name == "run" and len(texts) == 1 and len(self.rows) > 1:
                common = next(iter(self.rows)).run
            elif texts != {"null"} and (column.name != "status" or texts != {'"ok"'}):
                kept.append(place)
        columns = [self.columns[place] for place in kept]
        seen = [self.seen[place] for place in kept]
        return replace(self, columns=columns, seen=seen), common

    def laid_out(self, *, rounded: bool, root: str | None = None) -> Table:
        """Return the table as text; runs are shown relative to `root` if there is one."""
        heads = [Head(""), *(self._head(place) for place in range(len(self.columns)))]
        line = partial(self._line, rounded=rounded, root=root)
        table = Table.of(heads, Lines(self.rows, line))
        return table if table.widths[0] else table.chosen(range(1, len(heads)))

    def _line(self, row: Row, *, rounded: bool, root: str | None) -> list[Cell]:
        mark = Cell(_MARK if row.path in self.best else "", _BEST)
        cells = (self._cell(column, row, rounded=rounded, root=root) for column in self.columns)
        return [mark, *cells]

    def _head(self, place: int) -> Head:
        name = self.columns[place].name
        return Head(
            name,
            is_number=self.seen[place].is_number,
            weight=_WEIGHTS.get(name, _METRIC + place),
            is_flexible=name in _TEXTS,
        )

    def _cell(self, column: Column, row: Row, *, rounded: bool, root: str | None) -> Cell:
        value = column.value(row, self.now)
        match column.name:
            case "checkpoint":
                name = row.name if root is None else row.name.removeprefix(_USUAL_FOLDER)
                value = name if row.link is None else f"{name} -> {row.link}"
            case "run" if root is not None:
                value = os.path.relpath(row.run, root)
            case _:
                pass
        style = _STYLES[row.status] if column.name in ("status", "problem") else ""
        return Cell(show_value(column.name, value, rounded=rounded), style)
