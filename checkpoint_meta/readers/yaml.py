"""YAML 1.2 documents as plain values, bounded in size and depth."""

from __future__ import annotations

import math
import os
import re
import stat
from typing import TYPE_CHECKING, Final

import yaml_rs

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Place

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue

SIDECAR_BYTES: Final = 1024 * 1024
CONFIG_BYTES: Final = 8 * 1024 * 1024

_PLACE: Final = re.compile(r"at line (\d+), column (\d+)")

_SEPARATOR: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
"""Start of a document."""


class YamlError(ReadError):
    """A file is not YAML; `place` is where it stops being so, if that is known."""

    def __init__(self, path: str | Path, reason: str, place: Place | None = None) -> None:
        super().__init__(path, reason)
        self.place = place

    def __str__(self) -> str:
        where = f":{self.place.line}:{self.place.column}" if self.place else ""
        return f"{self.path}{where}: {self.reason}"


def read_text(path: str | Path, limit: int) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        ReadError: if it is no regular file, cannot be read, is longer than `limit` bytes or is not
            UTF-8.
    """
    try:
        raw = _read_bytes(path, limit + 1)
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from error
    if len(raw) > limit:
        raise ReadError(path, f"longer than {limit} bytes, which no file of this kind is")
    try:
        # Not "utf-8-sig", which is written in Python.
        return raw.removeprefix(_MARK).decode()
    except UnicodeDecodeError as error:
        raise ReadError(path, f"not UTF-8 (byte {error.start})") from error


def _read_bytes(path: str | Path, count: int) -> bytes:
    # Not `open`, whose buffers take as long as to read; catalogs read thousands of small files.
    file = os.open(path, _FLAGS)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(path, "not a regular file")
        # Asked for `count` at once, Python would set that much memory aside for each file.
        raw = part = os.read(file, min(status.st_size + 1, count))
        while part and len(raw) < count and len(raw) != status.st_size:
            part = os.read(file, min(_PART, count - len(raw)))
            raw += part
        return raw
    finally:
        os.close(file)


_PART: Final = 64 * 1024

_MARK: Final = b"\xef\xbb\xbf"
"""Begins some files on Windows."""

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    # Without this one, which Windows does not know, a FIFO is opened once somebody writes to it.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_yaml(path: Path, limit: int = CONFIG_BYTES) -> JSONValue:
    """Return the one document that a YAML file holds, `None` if it is empty.

    Raises:
        ReadError: if the file cannot be read or is not UTF-8.
        YamlError: if it is not YAML, or holds keys or values that JSON has no name for.
    """
    return parse_yaml(read_text(path, limit), path)


def parse_yaml(text: str, path: Path) -> JSONValue:
    """Return the one document in `text`; `path` is named in errors.

    Raises:
        YamlError: if it is not YAML, is more than one document, or holds keys or values that JSON
            has no name for.
    """
    return checked_yaml(load_yaml(text, path), path)


def load_yaml(text: str, path: str | Path) -> object:
    """Return the same, whatever it holds: `checked_yaml` looks through it.

    Raises:
        YamlError: if it is not YAML, or is more than one document.
    """
    if "\0" in text:
        # The parser would end the value there without a word.
        raise YamlError(path, "holds a NUL byte", _place_of(text, text.index("\0")))
    try:
        value: object = yaml_rs.loads(text, parse_datetime=False)
    except ValueError as error:
        found = _PLACE.search(str(error))
        place = Place(int(found[1]), int(found[2])) if found else None
        raise YamlError(path, _reason(str(error)), place) from error
    except TypeError as error:
        raise YamlError(path, "not YAML (a mapping as a key)") from error
    if type(value) is list and (second := _second_document(text)) is not None:
        # The parser makes a list of several documents, too.
        raise YamlError(path, "holds more than one document", _place_of(text, second))
    return value


def _second_document(text: str) -> int | None:
    """Return where a second document starts, `None` where there is one at most.

    What a line holds that begins with `---` is never part of a list's text.
    """
    for separator in _SEPARATOR.finditer(text):
        before = (line.strip() for line in text[: separator.start()].splitlines())
        if any(line and not line.startswith(("#", "%")) for line in before):
            return separator.start()
    return None


def _place_of(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"))


def _reason(message: str) -> str:
    """Return the last line of the parser's message, which says what is wrong."""
    return f"not YAML ({message.splitlines()[-1]})"


_TEXT: Final = frozenset({str})
_SCALARS: Final = frozenset({type(None), bool, int, float, str})


def checked_yaml(value: object, path: str | Path) -> JSONValue:
    """Return `value` if it is what JSON has names for.

    Raises:
        YamlError: if it holds keys or values that are something else.
    """
    waiting: list[object] = [] if type(value) in _SCALARS else [value]
    for holder in waiting:
        inner: Collection[object]
        if type(holder) is dict:
            if not _TEXT.issuperset(map(type, holder)):
                odd = next(key for key in holder if type(key) is not str)
                raise YamlError(path, f"the key {odd!r} is not a text")
            inner = holder.values()
        elif type(holder) is list:
            inner = holder
        else:
            kind = type(holder).__name__
            raise YamlError(path, f"holds a {kind}, which JSON has no name for")
        if not _SCALARS.issuperset(map(type, inner)):
            waiting += [item for item in inner if type(item) not in _SCALARS]
    # What was checked is what the type says.
    checked: JSONValue = value  # type: ignore[assignment]
    return checked


def is_finite(value: JSONValue) -> bool:
    """Tell whether `value` is a number that is neither NaN nor infinite, nor beyond every float."""
    try:
        return isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value)
    except OverflowError:
        return False
