"""What was read of each folder, kept on disk; asked in the order of the walk, many at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from zlib import crc32

from checkpoint_meta.catalog.known import ROOT_OF_FOLDERS, Known, path_of
from checkpoint_meta.catalog.verdicts import Verdicts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from checkpoint_meta.catalog.database import Cell, Database, Line

FIRST: Final = 128
CHUNK: Final = 2048
"""Folders that are asked for together; memory does not grow with their number."""

_KNOWN: Final = """
SELECT key, mark, has_hydra, folders, total, names, marks, watched, heads, light, {more},
folders.checksum, {sum}
FROM folders {join} WHERE context = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?
"""
_WHOLE: Final = """
SELECT key, mark, has_hydra, folders, total, names, marks, watched, heads, light, details.more,
folders.checksum, details.checksum
FROM folders JOIN details USING (context, key) WHERE context = ? AND key = ?
"""
_MANY: Final = "details.more", "details.checksum", "JOIN details USING (context, key)"
_LITTLE: Final = "NULL", "NULL", ""
_MORE_PLACE: Final = Known._fields.index("more")
_FIND: Final = "SELECT id FROM contexts WHERE settings = ?"
_NAME: Final = "INSERT INTO contexts (settings) VALUES (?)"
_FOLDER: Final = "INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MORE: Final = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?)"


class Index:
    """The index as one scan uses it."""

    def __init__(self, database: Database, settings: str, *, whole: bool = False) -> None:
        """`settings` is what else decides what is read; `whole` asks for every field."""
        self._database = database
        self._settings = settings
        more, total, join = _MANY if whole else _LITTLE
        self._sql = _KNOWN.format(more=more, sum=total, join=join)
        self._context: int | None = None
        self._from = self._end = ""
        self._chunk: list[tuple[Known, bool]] = []
        self._place = 0
        self._ahead: tuple[list[Known], Verdicts] | None = None
        self._pending: list[Known] = []
        self._gone: list[str] = []

    def begin(self, key: str) -> None:
        """Get ready for a walk below the folder of this key."""
        for (number,) in self._database.ask(_FIND, (self._settings,)):
            self._context = int(str(number))
        self._from, self._end = key, f"{key}{chr(ord(ROOT_OF_FOLDERS) + 1)}"

    def take(self, key: str) -> tuple[Known, bool] | None:
        """Return what is known of a folder, and whether it may be believed.

        Keys must grow from call to call. Folders that are passed over are gone.
        """
        while self._place < len(self._chunk) or self._load():
            known, is_believed = self._chunk[self._place]
            if known.key > key:
                return None
            self._place += 1
            if known.key == key:
                return known, is_believed
            if not os.path.lexists(path_of(known.key)):
                self._gone.append(known.key)
        return None

    def _load(self) -> bool:
        """Get the next folders; tell whether there are any."""
        known, verdicts = self._ahead or self._ask(FIRST)
        # While this process makes use of some folders, another one looks at the next.
        self._ahead = self._ask(CHUNK) if known else None
        self._place, self._chunk = 0, list(zip(known, verdicts.wait(), strict=True))
        return bool(known)

    def _ask(self, count: int) -> tuple[list[Known], Verdicts]:
        known: list[Known] = []
        if self._context is not None and self._from < self._end:
            known = self._asked(self._sql, (self._context, self._from, self._end, count))
            self._from = f"{known[-1].key}\0" if len(known) == count else self._end
        return known, Verdicts(known)

    def _asked(self, sql: str, values: Sequence[Cell]) -> list[Known]:
        """Return what is found; nothing if it is not what was written."""
        lines = self._database.ask(sql, values)
        if any(_sums(line) != line[-2:] for line in lines):
            self._database.throw_away()
            return []
        return [Known._make(line[:-2]) for line in lines]

    def completed(self, known: Known) -> Known | None:
        """Return the same with all its fields; `None` where they are gone."""
        if known.more is not None:
            return known
        # All of it anew: another process may have written the folder since it was asked for.
        found = self._asked(_WHOLE, (self._context, known.key))
        return found[0] if found else None

    def put(self, known: Known) -> None:
        """Keep what is known of a folder."""
        self._pending.append(known)

    def finish(self) -> None:
        """Note, at the end of the walk, what it did not come by."""
        self.take(self._end)

    def save(self) -> None:
        """Write what is to be kept, and drop what is gone."""
        pending, self._pending = self._pending, []
        gone, self._gone = self._gone, []
        if pending or gone:
            self._database.write(lambda connection: self._write(connection, pending, gone))

    def _write(
        self, connection: sqlite3.Connection, pending: Sequence[Known], gone: Sequence[str]
    ) -> None:
        context = self._number(connection)
        for table in ("folders", "details"):
            sql = f"DELETE FROM {table} WHERE context = ? AND key = ?"  # noqa: S608 - ours
            connection.executemany(sql, [(context, key) for key in gone])
        for known in pending:
            line = (*known[:-1], known.more or "[]")
            first, second = _sums(line)
            connection.execute(_FOLDER, (context, *line[:-1], first))
            connection.execute(_MORE, (context, known.key, line[-1], second))

    def _number(self, connection: sqlite3.Connection) -> int:
        """Return the number of these settings."""
        found = connection.execute(_FIND, (self._settings,)).fetchone()
        number = found[0] if found else connection.execute(_NAME, (self._settings,)).lastrowid
        return int(number or 0)

    def close(self) -> None:
        """Let go of the database."""
        if self._ahead is not None:
            self._ahead[1].close()
        self._database.close()


def _sums(line: Line) -> tuple[int, int | None]:
    """Return the checksums of a folder, and of its details if there are any.

    A disk may return what nobody wrote, and SQLite does not notice.
    """
    more = line[_MORE_PLACE]
    return _sum(line[:_MORE_PLACE]), None if more is None else _sum((line[0], more))


def _sum(cells: Iterable[Cell]) -> int:
    total = 0
    for cell in cells:
        total = crc32(cell if isinstance(cell, bytes) else str(cell).encode(), total)
    return total
