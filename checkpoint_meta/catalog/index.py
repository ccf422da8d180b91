"""What was read of each checkpoint, kept as long as nothing that it was read from changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.index_lines import IndexWriter, cells_of
from checkpoint_meta.catalog.row import Record, Row, Status, shape_of
from checkpoint_meta.catalog.walk import state_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from checkpoint_meta.catalog.database import Database
    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.row import Shape
    from checkpoint_meta.catalog.walk import Found, Listing

COARSEST_NS: Final = 2_000_000_000
"""Two changes of a file within this time may leave it with the same time: file systems differ."""

_NOTHING: Final = (None, None, None, None)

_KNOWN: Final = """
SELECT rows.folder, rows.name, size, mtime_ns, ctime_ns, inode, sidecar_size, sidecar_mtime_ns,
    sidecar_ctime_ns, sidecar_inode, status, problem, readable, sidecar, watch, rows.shape,
    rows.cells, {more} FROM rows {join} WHERE rows.context = ? AND rows.folder IN ({folders})
"""
_FOLDERS: Final = 400
"""Folders that are asked for together; SQLite knows at most 999 places for values."""

_DETAILS: Final = "LEFT JOIN details USING (context, folder, name)"

_STATUS: Final = {status.value: status for status in Status}


class Known(NamedTuple):
    """One line of the index: what a checkpoint and its sidecar were, and what was read."""

    folder: str
    name: str
    size: int | None
    mtime_ns: int | None
    ctime_ns: int | None
    inode: int | None
    sidecar_size: int | None
    sidecar_mtime_ns: int | None
    sidecar_ctime_ns: int | None
    sidecar_inode: int | None
    status: str
    problem: str | None
    readable: int
    sidecar: str | None
    watch: int | None
    shape: int
    cells: str
    more_shape: int | None
    more_cells: str | None

    def is_of(self, found: Found) -> bool:
        """Tell whether neither the checkpoint nor its sidecar changed."""
        return self[2:10] == (*(found.state or _NOTHING), *(found.sidecar_state or _NOTHING))


class Index:
    """The index as one scan uses it."""

    def __init__(
        self, database: Database, settings: str, started_ns: int, *, whole: bool = False
    ) -> None:
        """`settings` is what else decides what is read; `whole` asks for every field.

        What changed shortly before `started_ns` is not kept: it may change again unseen.
        """
        self._database = database
        self._settings = settings
        self._started_ns = started_ns
        self._whole = whole
        self._context: int | None = None
        self._shapes: dict[int, Shape] = {}
        self._unchanged: dict[int, bool] = {}
        self._pending: list[tuple[Found, Facts]] = []
        self._expected: dict[str, dict[str, Known]] = {}

    def expect(self, listings: Sequence[Listing]) -> None:
        """Ask for what is known of these folders, at once."""
        context = self._find_context()
        folders = [os.path.abspath(listing.folder) for listing in listings if listing.found]
        folders = [folder for folder in folders if is_text(folder)]
        more, join = ("details.shape, details.cells", _DETAILS) if self._whole else ("0, NULL", "")
        self._expected = {}
        for start in range(0, len(folders) if context is not None else 0, _FOLDERS):
            some = folders[start : start + _FOLDERS]
            sql = _KNOWN.format(more=more, join=join, folders=", ".join("?" * len(some)))
            for known in map(Known._make, self._database.ask(sql, (context, *some))):
                self._expected.setdefault(known.folder, {})[known.name] = known

    def rows(self, listing: Listing) -> dict[str, Row]:
        """Return the rows of a folder's checkpoints that did not change, by name."""
        known = self._expected.get(os.path.abspath(listing.folder), {})
        self._forget(listing, known.keys())
        rows: dict[str, Row] = {}
        for found in listing.found:
            line = known.get(found.name)
            row = self._row(found, line) if line else None
            if row is not None:
                rows[found.name] = row
        return rows

    def _find_context(self) -> int | None:
        if self._context is None:
            sql = "SELECT id FROM contexts WHERE settings = ?"
            for (number,) in self._database.ask(sql, (self._settings,)):
                self._context = int(str(number))
        return self._context

    def _row(self, found: Found, known: Known) -> Row | None:
        """Return the row that a line holds, `None` where anything changed since."""
        if not known.is_of(found) or not self._is_unchanged(known.watch):
            return None
        values = self._values(known)
        if values is None:
            return None
        return Row(
            found.path,
            found.run,
            _STATUS[known.status],
            found.sidecar or known.sidecar,
            known.size,
            known.mtime_ns,
            values,
            known.problem,
            bool(known.readable),
            os.readlink(found.path) if found.is_link else None,
        )

    def _is_unchanged(self, watch: int | None) -> bool:
        if watch is None:
            return True
        if watch not in self._unchanged:
            lines = self._database.ask("SELECT states FROM watches WHERE id = ?", (watch,))
            states = [one for (text,) in lines for one in json.loads(str(text))]
            self._unchanged[watch] = bool(lines) and all(is_still(*one) for one in states)
        return self._unchanged[watch]

    def _values(self, known: Known) -> Record | None:
        shape, cells = self._shape(known.shape), cells_of(known.cells)
        if not self._whole:
            return Record(shape, cells) if shape is not None else None
        if shape is None or known.more_shape is None or known.more_cells is None:
            return None
        more = self._shape(known.more_shape)
        if more is None:
            return None
        return Record(shape_of((*shape, *more)), (*cells, *cells_of(known.more_cells)))

    def _shape(self, number: int) -> Shape | None:
        if number not in self._shapes:
            sql = "SELECT fields FROM shapes WHERE id = ?"
            for (fields,) in self._database.ask(sql, (number,)):
                self._shapes[number] = shape_of(tuple(map(tuple, json.loads(str(fields)))))
        return self._shapes.get(number)

    def remember(self, found: Found, facts: Facts) -> None:
        """Keep what was read, unless it may change again without anybody seeing it."""
        is_settled = newest_ns(found, facts) < self._started_ns - COARSEST_NS
        if is_settled and is_text(found.path) and is_text(facts.row.problem or ""):
            self._pending.append((found, facts))

    def _forget(self, listing: Listing, known: Collection[str]) -> None:
        """Drop the lines about checkpoints that are gone."""
        absent = set(known).difference([found.name for found in listing.found])
        if not absent:
            return
        context, folder = self._find_context(), os.path.abspath(listing.folder)
        gone = [
            (context, folder, name)
            for name in absent
            if not os.path.lexists(os.path.join(folder, name))
        ]

        def work(connection: sqlite3.Connection) -> None:
            for table in ("rows", "details"):
                where = "context = ? AND folder = ? AND name = ?"
                connection.executemany(f"DELETE FROM {table} WHERE {where}", gone)  # noqa: S608

        if gone:
            self._database.write(work)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def save(self) -> None:
        """Write what is to be kept."""
        pending, self._pending = self._pending, []
        if pending:
            self._database.write(
                lambda connection: IndexWriter(connection, self._settings).write(pending)
            )


def is_text(name: str) -> bool:
    """Tell whether SQLite can hold a name; one of bytes that are no UTF-8 it cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_still(path: str, state: Sequence[int] | None) -> bool:
    """Tell whether a file is as it was, or still not there."""
    now = state_of(path)
    return now is None if state is None else now is not None and tuple(now) == tuple(state)


def newest_ns(found: Found, facts: Facts) -> int:
    """Return when anything changed last that a row was read from."""
    states = [found.state, found.sidecar_state, *(one.state for one in facts.watched)]
    return max((max(state.mtime_ns, state.ctime_ns) for state in states if state), default=0)
