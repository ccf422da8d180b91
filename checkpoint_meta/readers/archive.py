"""The zip that torch writes, one top folder with everything in it."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.directory import read_directory
from checkpoint_meta.readers.faults import CutOff, Fault

if TYPE_CHECKING:
    from checkpoint_meta.readers.directory import Entry
    from checkpoint_meta.readers.stream import Ranges

LOCAL_MAGIC: Final = b"PK\x03\x04"

_LOCAL: Final = Struct("<4s22xHH")
"""Magic, lengths of the name and of the padding after it."""

HEADER_BYTES: Final = 1024
"""Enough for the header of one entry, its name and its padding."""

_PADDING: Final = 128
"""Torch aligns data to 64 bytes; reading so much more saves a second read."""


class Archive:
    """The entries of a zip by their name below its top folder."""

    __slots__ = ("_ranges", "directory", "entries", "root")

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self.directory, entries = read_directory(ranges)
        self.root = entries[0].name.partition("/")[0] + "/" if entries else ""
        """The top folder: the stem of the name that the file was saved under, or `archive/`."""
        skip = len(self.root)
        if not all(entry.name.startswith(self.root) for entry in entries):
            raise Fault("its zip has several top folders")
        self.entries = {entry.name[skip:]: entry for entry in entries}

    def read(self, entry: Entry, limit: int) -> bytes:
        """Return the whole entry, `limit` bytes at most; its CRC is right, or not recorded."""
        return read_entry(self._ranges, entry, limit)

    def block(self, start: int, size: int) -> bytes:
        """Return up to `size` raw bytes of the file."""
        return self._ranges.read(start, size)


def first_entry(head: bytes) -> tuple[int, str]:
    """Return where the data of a file's first entry starts, and the entry's name."""
    if len(head) < _LOCAL.size:
        raise CutOff("the file ends early")
    _, name, extra = _LOCAL.unpack_from(head)
    text = head[_LOCAL.size :][:name].decode("utf-8", "replace")
    return _LOCAL.size + name + extra, text


def read_entry(ranges: Ranges, entry: Entry, limit: int) -> bytes:
    """Return the whole entry, `limit` bytes at most; its CRC is right, or not recorded."""
    if max(entry.size, entry.packed) > limit:
        raise Fault(f"{entry.name!r} is larger than {limit >> 20} MiB")
    block = ranges.read(entry.offset, header_bound(entry) + entry.packed)
    start = header_size(entry, block)
    packed = block[start : start + entry.packed]
    if len(packed) < entry.packed:
        packed = ranges.exactly(entry.offset + start, entry.packed)
    data = _inflate(packed, entry) if entry.method else packed
    if len(data) != entry.size:
        raise Fault(f"{entry.name!r} does not have the size that its directory says")
    if entry.crc and zlib.crc32(data) != entry.crc:
        raise Fault(f"{entry.name!r} is damaged (its CRC does not match)")
    return data


def header_bound(entry: Entry) -> int:
    """Return how many bytes are enough for the entry's header as torch writes it."""
    return _LOCAL.size + len(entry.name.encode()) + _PADDING


def header_size(entry: Entry, block: bytes) -> int:
    """Return the size of the entry's header, which `block` starts with."""
    magic, name, extra = _LOCAL.unpack_from(block)
    if magic != LOCAL_MAGIC or block[_LOCAL.size :][:name] != entry.name.encode():
        raise Fault("not a valid zip (an entry is not where its directory says)")
    return int(_LOCAL.size + name + extra)


def _inflate(packed: bytes, entry: Entry) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return engine.decompress(packed, entry.size + 1)
    except zlib.error as error:
        raise Fault(f"{entry.name!r} is damaged ({error})") from error
