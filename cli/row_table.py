"""Rows of the catalog as a table."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.row import Status

from .cells import show_value
from .table import Cell, Head, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True, slots=True)
class RowTable:
    """Rows and columns, with the values that stand in them."""

    rows: Sequence[Row]
    columns: Sequence[Column]
    values: Sequence[Sequence[JSONValue]]
    """For each row the value of each column."""

    @classmethod
    def of(cls, rows: Sequence[Row], columns: Sequence[Column], now: float) -> RowTable:
        """Return the table of what stands in the columns."""
        return cls(rows, columns, [[one.value(row, now) for one in columns] for row in rows])

    def telling(self) -> tuple[RowTable, str | None]:
        """Return the columns that tell rows apart, and the run where all have the same.

        A column without a value, and a status that is `ok` everywhere, say nothing.
        """
        kept: list[int] = []
        common: str | None = None
        for place, column in enumerate(self.columns):
            seen = {json.dumps(line[place]) for line in self.values}
            if column.name == "run" and len(seen) == 1 and len(self.rows) > 1:
                common = self.rows[0].run
            elif seen != {"null"} and (column.name != "status" or seen != {'"ok"'}):
                kept.append(place)
        columns = [self.columns[place] for place in kept]
        values = [[line[place] for place in kept] for line in self.values]
        return RowTable(self.rows, columns, values), common

    def laid_out(self, best: frozenset[str], *, rounded: bool, root: str | None = None) -> Table:
        """Return the table as text; runs are shown relative to `root` if there is one."""
        heads = [Head(""), *(self._head(place) for place in range(len(self.columns)))]
        lines = [
            [
                Cell(_MARK if row.path in best else "", _BEST),
                *(
                    self._cell(column, row, value, rounded=rounded, root=root)
                    for column, value in zip(self.columns, line, strict=True)
                ),
            ]
            for row, line in zip(self.rows, self.values, strict=True)
        ]
        if any(line[0].text for line in lines):
            return Table(heads, lines)
        return Table(heads[1:], [line[1:] for line in lines])

    def _head(self, place: int) -> Head:
        name = self.columns[place].name
        return Head(
            name,
            is_number=all(
                isinstance(line[place], (int, float, type(None))) for line in self.values
            ),
            weight=_WEIGHTS.get(name, _METRIC + place),
            is_flexible=name in _TEXTS,
        )

    def _cell(
        self, column: Column, row: Row, value: JSONValue, *, rounded: bool, root: str | None
    ) -> Cell:
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
