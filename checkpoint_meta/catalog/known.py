"""What is known of one folder: which files it holds, in which state, and the rows they make."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from checkpoint_meta.catalog.marks import SIZE, is_still, mark_of_folder, marks_below
from checkpoint_meta.catalog.row import is_light

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.row import Row, Watched
    from checkpoint_meta.evidence import FieldPath, JSONValue

ABSENT: Final = "\0absent\0"
"""Stands in a column for a row that has no such field; no value is this text."""

ROOT_OF_FOLDERS: Final = "\1"
"""Stands in keys for the separator: keys sort as a walk goes, a folder before its neighbors."""


class Heads(NamedTuple):
    """What the rows of a folder have beside their values, a column each."""

    names: tuple[str, ...]
    statuses: tuple[str, ...]
    problems: tuple[str | None, ...]
    readables: tuple[bool, ...]
    sidecars: tuple[str | None, ...]
    """Relative to the folder."""

    links: tuple[str | None, ...]
    watching: tuple[bool, ...]
    """The row holds only as long as what is watched is as it was."""


class Known(NamedTuple):
    """One folder; each part is a text or bytes, and is read only when it is asked for."""

    key: str
    """The folder's absolute path, see `key_of`."""

    mark: bytes
    """Of the folder; empty where its listing must not be believed."""

    has_hydra: int
    folders: str
    """Names of the folders in it that are entered."""

    total: int
    """Rows."""

    names: str
    """Of each row the checkpoint's file and the sidecar's, alternately."""

    marks: bytes
    """Of these files."""

    watched: str
    """What else must not have changed for rows that say so to hold."""

    heads: str
    """What rows have beside values, see `heads_in`."""

    standing: str
    """Which rows may be the best of their run, see `Standing.read`."""

    light: str
    """The fields that lists show, then a line for each: its value in each row."""

    more: str | None
    """The other fields likewise; `None` where nobody asked for them."""

    def is_believed(self) -> bool:
        """Tell whether the folder holds the same names, and each of its rows still holds."""
        if not self.mark:
            return False
        path = path_of(self.key)
        try:
            if mark_of_folder(os.stat(path)) != self.mark:
                return False
        except OSError:
            return False
        if marks_below(path, decoded(self.names)) != self.marks:
            return False
        return self.is_watched_still()

    def is_watched_still(self) -> bool:
        """Tell whether what rows were read from elsewhere is as it was."""
        if not self.watched:
            return True
        return all(is_still(path, state) for path, state in json.loads(self.watched))

    def marks_of(self, place: int) -> bytes:
        """Return the marks of a row's checkpoint and sidecar."""
        return self.marks[2 * SIZE * place : 2 * SIZE * (place + 1)]


@lru_cache(maxsize=1024)
def decoded(text: str) -> tuple[Any, ...]:
    """Return a list that was kept as JSON; many folders have equal ones."""
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def heads_in(text: str) -> Heads:
    """Return the heads that were kept as JSON; many folders have equal ones."""
    return Heads(*map(tuple, json.loads(text)))


def key_of(path: str) -> str:
    """Return the key of an absolute path."""
    return path.rstrip(os.sep).replace(os.sep, ROOT_OF_FOLDERS)


def key_of_root(root: Path) -> str | None:
    """Return the key of the folder that a walk begins at; `None` if it cannot have one.

    `link/..` is the folder above what the link leads to, which its absolute path does not name.
    """
    path = os.path.abspath(root)
    if not can_be_key(path) or (os.pardir in root.parts and not _is_same(path, root)):
        return None
    return key_of(path)


def _is_same(path: str, root: Path) -> bool:
    try:
        return os.path.samefile(path, root)
    except OSError:
        return False


def path_of(key: str) -> str:
    """Return the absolute path of a key."""
    return key.replace(ROOT_OF_FOLDERS, os.sep) or os.sep


def can_be_key(name: str) -> bool:
    """Tell whether the index can hold a path of this name: SQLite knows UTF-8 only."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return ROOT_OF_FOLDERS not in name and "\0" not in name


def watched_text(watched: Iterable[Watched]) -> str:
    """Return the places once each, as JSON."""
    places = {os.path.abspath(one.path): one.state for one in watched}
    return json.dumps(sorted(places.items()), separators=(",", ":")) if places else ""


def column_texts(rows: Sequence[Row]) -> tuple[str, str] | None:
    """Return the columns of the light fields and of the others.

    `None` if a value is the text that stands for none.
    """
    fields: dict[FieldPath, None] = {}
    for row in rows:
        fields |= dict.fromkeys(row.values)
    if any(value == ABSENT for row in rows for value in row.values.values()):
        return None
    values = [row.values for row in rows]
    return (
        _columns([field for field in fields if is_light(field)], values),
        _columns([field for field in fields if not is_light(field)], values),
    )


def _columns(fields: Sequence[FieldPath], rows: Sequence[Mapping[FieldPath, JSONValue]]) -> str:
    lines = [fields, *([row.get(field, ABSENT) for row in rows] for field in fields)]
    return "\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
