"""LevelDB's log framing, as W&B uses it: blocks of 32 KiB, records in one or several parts."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from checkpoint_meta.readers.scalar_table import NotALogError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK: Final = 32768

_MAGIC: Final = b":W&B\xe1\xbe\x00"
"""Name, 0xBEE1 and version 0; it takes the first seven bytes of the first block."""

_HEAD: Final = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

LONGEST_RECORD: Final = 16 * 1024 * 1024
"""Longer ones, such as the manifest of a huge artifact, are passed over."""


def iter_records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield each whole record; a tail that was cut off or never written ends them.

    Raises:
        NotALogError: if the stream does not begin as such a log does.
    """
    parts: list[bytes] = []
    size = 0
    for kind, data in _fragments(stream):
        if kind in (_FULL, _FIRST):
            parts, size = [], 0
        parts.append(data)
        size += len(data)
        if size > LONGEST_RECORD:
            # Its first part is gone, so that what follows of it is never taken for a record.
            parts = [b""]
        elif kind in (_FULL, _LAST):
            yield b"".join(parts)


def _fragments(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    block = stream.read(BLOCK)
    if not block.startswith(_MAGIC):
        raise NotALogError("no W&B log of version 0")
    place = len(_MAGIC)
    while block:
        while len(block) - place >= _HEAD.size:
            crc, length, kind = _HEAD.unpack_from(block, place)
            start = place + _HEAD.size
            data = block[start : start + length]
            if (
                kind == 0
                or len(data) < length
                or zlib.crc32(data, zlib.crc32(block[start - 1 : start])) != crc
            ):
                return
            yield kind, data
            place = start + length
        block, place = stream.read(BLOCK), 0
