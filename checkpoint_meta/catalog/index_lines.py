"""Rows as the index writes them: fields once for all rows that have the same, values as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.row import is_light

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.walk import Found
    from checkpoint_meta.catalog.watched import Watched
    from checkpoint_meta.evidence import FieldPath, JSONValue

_NOTHING: Final = (None, None, None, None)

_SELECT: Final = {
    "contexts": "SELECT id FROM contexts WHERE settings = ?",
    "shapes": "SELECT id FROM shapes WHERE fields = ?",
    "watches": "SELECT id FROM watches WHERE states = ?",
}
_INSERT: Final = {
    "contexts": "INSERT INTO contexts (settings) VALUES (?)",
    "shapes": "INSERT INTO shapes (fields) VALUES (?)",
    "watches": "INSERT INTO watches (states) VALUES (?)",
}
_ROW: Final = """
INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DETAILS: Final = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?)"


@dataclass(slots=True)
class IndexWriter:
    """Writes rows inside one transaction."""

    connection: sqlite3.Connection
    settings: str
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def write(self, facts: Iterable[tuple[Found, Facts]]) -> None:
        """Write each row, in place of what stood there."""
        context = self._number("contexts", self.settings)
        for found, one in facts:
            key = (context, os.path.abspath(found.folder), found.name)
            light = {path: value for path, value in one.row.values.items() if is_light(path)}
            more = {path: value for path, value in one.row.values.items() if path not in light}
            self.connection.execute(_ROW, (*key, *self._row(found, one), *self._packed(light)))
            self.connection.execute(_DETAILS, (*key, *self._packed(more)))

    def _row(self, found: Found, facts: Facts) -> tuple[str | int | None, ...]:
        row = facts.row
        return (
            *(found.state or _NOTHING),
            *(found.sidecar_state or _NOTHING),
            row.status.value,
            row.problem,
            int(row.readable),
            None if row.sidecar == found.sidecar else row.sidecar,
            self._number("watches", _states(facts.watched)) if facts.watched else None,
        )

    def _packed(self, values: Mapping[FieldPath, JSONValue]) -> tuple[int, str]:
        fields = self._number("shapes", json.dumps(list(values)))
        return fields, json.dumps(list(values.values()), separators=(",", ":"))

    def _number(self, table: str, text: str) -> int:
        """Return the number of a text that many rows share."""
        key = (table, text)
        if key not in self._numbers:
            found = self.connection.execute(_SELECT[table], (text,)).fetchone()
            number = (
                found[0] if found else self.connection.execute(_INSERT[table], (text,)).lastrowid
            )
            self._numbers[key] = int(number or 0)
        return self._numbers[key]


def _states(watched: Iterable[Watched]) -> str:
    return json.dumps([(os.path.abspath(one.path), one.state) for one in watched])


def cells_of(text: str) -> tuple[JSONValue, ...]:
    """Return the values of a row; equal texts of different rows are one object in memory."""
    cells: list[JSONValue] = _decode(text)[0]
    for place, cell in enumerate(cells):
        if cell.__class__ is str:
            cells[place] = intern(cell)
    return tuple(cells)


_decode: Final = json.JSONDecoder().raw_decode
"""Without the search for white space of `json.loads`, which takes as long as the rest."""
