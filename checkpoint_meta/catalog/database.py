"""The index's file: one SQLite database in the user's cache folder, which may vanish at any time.

It is a cache and never the truth: whatever goes wrong with it costs speed only. A file that is
broken is thrown away; one that another process keeps locked is left alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from checkpoint_meta.errors import WriteError
from checkpoint_meta.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Cell: TypeAlias = str | int | bytes | None
    Line: TypeAlias = tuple[Cell, ...]

Result = TypeVar("Result")

FOLDER_VARIABLE: Final = "CHECKPOINT_META_CACHE"

FORMAT: Final = 4
"""Goes up with each change of `_TABLES` or of what stands in them."""

PATIENCE: Final = 2.0
"""Seconds to wait for another process that writes."""

_TABLES: Final = """
PRAGMA page_size = 16384;
CREATE TABLE IF NOT EXISTS contexts (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS folders (
    context INTEGER, key TEXT, mark BLOB, has_hydra INTEGER, folders TEXT,
    total INTEGER, names TEXT, marks BLOB, watched TEXT, heads TEXT, standing TEXT, light TEXT,
    checksum INTEGER,
    PRIMARY KEY (context, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS details (
    context INTEGER, key TEXT, more TEXT, checksum INTEGER, PRIMARY KEY (context, key)
) WITHOUT ROWID;
"""


def cache_folder() -> Path:
    """Return where this user's caches lie."""
    own = os.environ.get(FOLDER_VARIABLE)
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "checkpoint-meta"


def index_file() -> Path:
    """Return the index of this version: two versions side by side do not undo each other's."""
    return cache_folder() / f"index-{VERSION}-{FORMAT}.sqlite3"


def remove_indexes() -> list[Path]:
    """Remove the indexes of all versions, and return their files.

    Raises:
        WriteError: if the folder refuses.
    """
    files = sorted(cache_folder().glob("index-*.sqlite3*"))
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(file, str(error.strerror)) from error
    return files


class Database:
    """A connection that asks and writes as long as nothing is wrong."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection: sqlite3.Connection | None = None
        # A second time, since the first may have thrown a broken file away.
        for _ in range(2):
            if self._connection is None:
                self._attempt(self._connect)

    @property
    def is_open(self) -> bool:
        """Tell whether there is anything to ask."""
        return self._connection is not None

    def ask(self, sql: str, values: Sequence[Cell] = ()) -> list[Line]:
        """Return what is found; nothing where something is wrong."""
        connection = self._connection
        if connection is None:
            return []
        return self._attempt(lambda: connection.execute(sql, values).fetchall()) or []

    def write(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        """Do the work as a whole or not at all; return whether it was done."""
        connection = self._connection
        if connection is None:
            return False
        done = self._attempt(lambda: _in_transaction(connection, work), closes=False)
        return done is True

    def throw_away(self) -> None:
        """Remove the file: it does not hold what was written."""
        self.close()
        with contextlib.suppress(OSError):
            self.file.unlink()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self.file, timeout=PATIENCE, isolation_level=None)
        try:
            connection.executescript(_TABLES)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def _attempt(self, work: Callable[[], Result], *, closes: bool = True) -> Result | None:
        try:
            return work()
        except (sqlite3.Error, UnicodeError, OSError) as error:
            # Imported here, since it takes longer than to open the index.
            import logging

            logging.getLogger(__name__).debug("the index at %s: %s", self.file, error)
            # What SQLite says of a broken file may quote its bytes.
            is_broken = isinstance(
                error, (sqlite3.DatabaseError, UnicodeDecodeError)
            ) and not isinstance(error, (sqlite3.OperationalError, sqlite3.ProgrammingError))
        if is_broken:
            self.throw_away()
        elif closes:
            self.close()
        return None


def _in_transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], None]
) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return True
