"""What was read of each folder, kept on disk; asked in the order of the walk, many at once."""

from __future__ import annotations

import os
from itertools import starmap
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from checkpoint_meta.catalog import verdicts
from checkpoint_meta.catalog.database import Database
from checkpoint_meta.catalog.known import ROOT_OF_FOLDERS, Known, path_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from checkpoint_meta.catalog.database import Cell, Line

FIRST: Final = 128
CHUNK: Final = 2048
"""Folders that are asked for together; memory does not grow with their number."""

_KNOWN: Final = """
SELECT key, mark, has_hydra, folders, total, names, marks, watched, heads, standing, light, {more},
folders.checksum, {sum}
FROM folders {join} WHERE context = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?
"""
_WHOLE: Final = """
SELECT key, mark, has_hydra, folders, total, names, marks, watched, heads, standing, light,
details.more, folders.checksum, details.checksum
FROM folders JOIN details USING (context, key) WHERE context = ? AND key = ?
"""
_MANY: Final = "details.more", "details.checksum", "JOIN details USING (context, key)"
_LITTLE: Final = "NULL", "NULL", ""
_MORE_PLACE: Final = Known._fields.index("more")
_TOTAL_PLACE: Final = Known._fields.index("total")
_SUM_PLACE: Final = -2
_FIND: Final = "SELECT id FROM contexts WHERE settings = ?"
_NAME: Final = "INSERT INTO contexts (settings) VALUES (?)"
_FOLDER: Final = "INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MORE: Final = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?)"

FEW: Final = 1000
"""Files among the first folders from which on another process looks at them."""

_ANSWER: Final = Struct("<BI")
"""What is found about a folder, and the checksum of the line that it was found about."""

CHANGED: Final = 0
BELIEVED: Final = 1
BROKEN: Final = 2
"""What is found about a line of the index: of `BROKEN`, that it is not what was written."""


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
        self._chunk: Sequence[tuple[Known, bool]] = []
        self._place = 0
        self._is_begun = False
        self._others: verdicts.Verdicts | None = None
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
        since = self._from
        lines = self._ask(CHUNK if self._is_begun else FIRST)
        if not self._is_begun and sum(map(_files, lines)) >= FEW and verdicts.can_fork():
            self._others = verdicts.Verdicts(lambda: self._foreseen(since))
        self._is_begun = True
        found = self._found(lines)
        if BROKEN in found:
            self._throw_away()
            return False
        known = [Known._make(line[:-2]) for line in lines]
        self._place, self._chunk = 0, [*zip(known, map(bool, found), strict=True)]
        return bool(known)

    def _ask(self, count: int) -> list[Line]:
        if self._context is None or self._from >= self._end:
            return []
        lines = self._database.ask(self._sql, (self._context, self._from, self._end, count))
        self._from = f"{lines[-1][0]!s}\0" if len(lines) == count else self._end
        return lines

    def _foreseen(self, since: str) -> Iterator[bytes]:
        """Yield the answers about all folders from `since` on, in a process of its own."""
        # No connection survives a fork.
        self._database = Database(self._database.file)
        self._from = since
        while lines := self._ask(FIRST):
            answers = ((_judge(line), int(str(line[_SUM_PLACE]))) for line in lines)
            yield b"".join(starmap(_ANSWER.pack, answers))

    def _found(self, lines: Sequence[Line]) -> bytes:
        """Return what is found about some lines, by the other process as far as it got."""
        answers = self._others.take(_ANSWER.size * len(lines)) if self._others else b""
        whole = answers[: len(answers) // _ANSWER.size * _ANSWER.size]
        found = [
            answer
            for line, (answer, checksum) in zip(lines, _ANSWER.iter_unpack(whole), strict=False)
            if checksum == line[_SUM_PLACE]
        ]
        if len(found) < len(lines):
            # It is gone, or somebody changed the index between its question and ours.
            self._close_others()
            found = list(map(_judge, lines))
        return bytes(found)

    def _close_others(self) -> None:
        """Let go of the other process."""
        if self._others is not None:
            self._others.close()
            self._others = None

    def _throw_away(self) -> None:
        """Let go of an index that does not hold what was written."""
        self._close_others()
        self._context = None
        self._chunk = []
        self._database.throw_away()

    def completed(self, known: Known) -> Known | None:
        """Return the same with all its fields; `None` where they are gone."""
        if known.more is not None:
            return known
        # All of it anew: another process may have written the folder since it was asked for.
        lines = self._database.ask(_WHOLE, (self._context, known.key))
        if any(_sums(line) != line[-2:] for line in lines):
            self._throw_away()
            return None
        return Known._make(lines[0][:-2]) if lines else None

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
        self._close_others()
        self._database.close()


def _files(line: Line) -> int:
    """Return how many files are looked at to judge a folder; a broken line is not judged yet."""
    total = line[_TOTAL_PLACE]
    return 1 + 2 * total if isinstance(total, int) else 1


def _judge(line: Line) -> int:
    """Return whether a folder, and all its rows were read from, is as it was."""
    if _sums(line) != line[-2:]:
        return BROKEN
    return BELIEVED if Known._make(line[:-2]).is_believed() else CHANGED


def _sums(line: Line) -> tuple[int, int | None]:
    """Return the checksums of a folder, and of its details if there are any.

    A disk may return what nobody wrote, and SQLite does not notice.
    """
    more = line[_MORE_PLACE]
    return _sum(line[:_MORE_PLACE]), None if more is None else _sum((line[0], more))


def _sum(cells: Sequence[Cell]) -> int:
    # Few calls for many folders: the texts together, then what is packed.
    total = crc32("\0".join([str(cell) for cell in cells if type(cell) is not bytes]).encode())
    for cell in cells:
        if type(cell) is bytes:
            total = crc32(cell, total)
    return total
