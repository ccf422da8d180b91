"""Checks of every byte of a checkpoint."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.archive import LOCAL_MAGIC
from checkpoint_meta.readers.directory import read_directory
from checkpoint_meta.readers.opening import steady

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from checkpoint_meta.readers.directory import Entry
    from checkpoint_meta.readers.stream import Ranges

CHUNK: Final = 1024 * 1024

_HEADER: Final = 30
"""Bytes of a local header before its name; the lengths of name and extra field end it."""

_STORED: Final = 0


def check_crcs(path: Path, count: Callable[[int], None]) -> list[str]:
    """Return a sentence for each entry of the zip at `path` whose bytes are not as recorded.

    `count` is called with the number of bytes after each chunk.

    Raises:
        ReadError: if the file cannot be read, or changes meanwhile.
    """
    with steady(path) as ranges:
        _, entries = read_directory(ranges)
        entries.sort(key=lambda entry: entry.offset)
        given = [entry for entry in entries if entry.crc]
        damaged = [entry.name for entry in given if not _is_right(ranges, entry, count)]
    return [f"entry {name!r} is damaged (its CRC does not match)" for name in damaged]


def _is_right(ranges: Ranges, entry: Entry, count: Callable[[int], None]) -> bool:
    crc = size = 0
    for block in _unpacked(_raw(ranges, entry, count), entry):
        crc, size = zlib.crc32(block, crc), size + len(block)
        if size > entry.size:
            return False
    return (crc, size) == (entry.crc, entry.size)


def _raw(ranges: Ranges, entry: Entry, count: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the entry's bytes; none where another entry begins than its directory says."""
    name = entry.name.encode()
    header = ranges.exactly(entry.offset, _HEADER + len(name))
    if not header.startswith(LOCAL_MAGIC) or not header.endswith(name):
        return
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.offset + _HEADER + lengths
    for position in range(start, start + entry.packed, CHUNK):
        block = ranges.exactly(position, min(CHUNK, start + entry.packed - position))
        count(len(block))
        yield block


def _unpacked(blocks: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
    if entry.method == _STORED:
        yield from blocks
        return
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    for block in blocks:
        rest = block
        while rest:
            try:
                yield engine.decompress(rest, CHUNK)
            except zlib.error:
                return
            rest = engine.unconsumed_tail


def sha256_of(path: Path, count: Callable[[int], None]) -> str:
    """Return the SHA-256 of a file, in hexadecimal; `count` is called as by `check_crcs`.

    Raises:
        ReadError: if the file cannot be read, or changes meanwhile.
    """
    digest = hashlib.sha256()
    with steady(path) as ranges:
        for position in range(0, ranges.size, CHUNK):
            block = ranges.read(position, CHUNK)
            count(len(block))
            digest.update(block)
    return digest.hexdigest()


def bytes_to_read(path: Path) -> int:
    """Return about how many bytes the checks of one checkpoint read, a recorded hash left out."""
    return path.stat().st_size if path.is_file() else 0
