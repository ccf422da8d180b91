"""The central directory of a zip, checked before it is believed.

Zip readers differ over entries of one name, over names that differ in case, and over where the
directory stands. Whatever they could differ over is refused here.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.limits import DIRECTORY_BYTES, DIRECTORY_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.readers.stream import Ranges

ENTRY_MAGIC: Final = b"PK\1\2"

_ENTRY: Final = Struct("<4s4xHH4xLLLHHHH6xL")
"""Magic, flags, method, CRC, packed, size, lengths of name, extra, comment; disk, offset."""

_END: Final = Struct("<4sHHHHLLH")
_LOCATOR: Final = Struct("<4sLQL")
_END64: Final = Struct("<4sQ4xLLQQQQ")
_SIZE64: Final = Struct("<Q")

_TAIL: Final = _END64.size + _LOCATOR.size + _END.size
_COMMENT: Final = 0xFFFF
_SATURATED: Final = 0xFFFFFFFF
_ENCRYPTED: Final = 0x2041
"""Flags: encrypted, strongly encrypted, headers hidden."""

_METHODS: Final = (0, 8)
"""Stored and deflated."""


class Entry(NamedTuple):
    """One file in the archive."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    """Of its local header."""


class Directory(NamedTuple):
    """Where the central directory lies."""

    offset: int
    size: int
    entries: int


def find_directory(ranges: Ranges) -> Directory:
    """Return where the directory lies, by the records at the end of the file."""
    start = max(0, ranges.size - _TAIL)
    tail = ranges.read(start, _TAIL)
    if tail[-_END.size :][:4] != b"PK\5\6":
        start = max(0, ranges.size - _TAIL - _COMMENT)
        tail = ranges.read(start, _TAIL + _COMMENT)
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < _END.size:
        raise CutOff("the zip has no directory")
    _, disk, first, _, count, size, offset, comment = _END.unpack_from(tail, position)
    if disk or first or position + _END.size + comment != len(tail):
        raise Fault("not a valid zip (its end record is wrong)")
    found = Directory(offset, size, count)
    before = position - _LOCATOR.size
    if before >= 0 and tail[before : before + 4] == b"PK\6\7":
        found = _find_zip64(tail, before, found, start)
        position = before - _END64.size
    if found.offset + found.size != start + position:
        raise Fault("not a valid zip (its directory is not where its end record says)")
    return found


def _find_zip64(tail: bytes, locator: int, short: Directory, start: int) -> Directory:
    _, disk, offset, _ = _LOCATOR.unpack_from(tail, locator)
    position = locator - _END64.size
    if disk or position < 0 or offset != start + position or tail[position:][:4] != b"PK\6\6":
        raise Fault("not a valid zip (its zip64 end record is wrong)")
    _, _, disk, first, _, count, size, offset = _END64.unpack_from(tail, position)
    long = Directory(offset, size, count)
    saturated = (_SATURATED, _SATURATED, _COMMENT)
    agree = zip(short, long, saturated, strict=True)
    if disk or first or any(a not in (b, limit) for a, b, limit in agree):
        raise Fault("not a valid zip (its two end records differ)")
    return long


def read_directory(ranges: Ranges) -> tuple[Directory, list[Entry]]:
    """Return every entry, in the order of the directory."""
    directory = find_directory(ranges)
    if directory.size > DIRECTORY_BYTES or directory.entries > DIRECTORY_ENTRIES:
        raise Fault(f"its zip directory is too large ({directory.entries} entries)")
    data = ranges.exactly(directory.offset, directory.size)
    entries = list(parse_entries(data, directory))
    if len(entries) != directory.entries:
        raise Fault("not a valid zip (its directory does not have the entries that it claims)")
    if len({entry.name.casefold() for entry in entries}) != len(entries):
        raise Fault("two entries of its zip have the same name, or differ in case only")
    return directory, entries


def parse_entries(data: bytes, directory: Directory) -> Iterator[Entry]:
    """Yield the entries in `data`, the directory or the end of it."""
    position = 0
    while position < len(data):
        magic, flags, method, crc, packed, size, *lengths, disk, offset = _ENTRY.unpack_from(
            data, position
        )
        name_end = position + 46 + lengths[0]
        extra_end = name_end + lengths[1]
        name = data[position + 46 : name_end].decode()
        if _SATURATED in (size, packed, offset):
            size, packed, offset = _widen(data[name_end:extra_end], (size, packed, offset))
        if magic != ENTRY_MAGIC or flags & _ENCRYPTED or method not in _METHODS or "\0" in name:
            raise Fault(_refusal(magic, flags, name))
        if disk or offset + packed > directory.offset or extra_end + lengths[2] > len(data):
            raise Fault(f"not a valid zip (entry {name!r} lies outside the file)")
        yield Entry(name, method, crc, packed, size, offset)
        position = extra_end + lengths[2]


def _refusal(magic: bytes, flags: int, name: str) -> str:
    if magic != ENTRY_MAGIC:
        return "not a valid zip (its directory is broken)"
    if flags & _ENCRYPTED:
        return f"entry {name!r} of its zip is encrypted"
    if "\0" in name:
        return f"entry {name!r} of its zip has a NUL in its name"
    return f"entry {name!r} of its zip is neither stored nor deflated"


def _widen(extra: bytes, numbers: tuple[int, ...]) -> list[int]:
    """Return sizes and offset, those that did not fit into 32 bits from the zip64 field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = extra[position : position + 2], extra[position + 2 : position + 4]
        end = position + 4 + int.from_bytes(length, "little")
        if kind == b"\1\0":
            wide = (value for (value,) in _SIZE64.iter_unpack(extra[position + 4 : end][: 8 * 3]))
            return [next(wide, n) if n == _SATURATED else n for n in numbers]
        position = end
    return list(numbers)
