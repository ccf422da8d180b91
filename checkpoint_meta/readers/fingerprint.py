"""A checkpoint's fingerprint alone, without its pickle: a few short reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.archive import LOCAL_MAGIC, Archive, read_entry
from checkpoint_meta.readers.directory import ENTRY_MAGIC, find_directory, parse_entries
from checkpoint_meta.readers.opening import steady
from checkpoint_meta.readers.torch_zip import (
    FINGERPRINT,
    FINGERPRINT_SIZE,
    fingerprint_of,
    to_fingerprint,
)

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.readers.stream import Ranges

_LAST_ENTRY: Final = 512
"""Bytes of the directory's end that hold its last entry, unless its name is very long."""


def read_fingerprint(path: Path) -> str | None:
    """Return the same fingerprint as `read_checkpoint_file`; `None` if the format has none.

    Raises:
        ReadError: if the file cannot be read.
    """
    with steady(path) as ranges:
        if ranges.read(0, len(LOCAL_MAGIC)) != LOCAL_MAGIC:
            return None
        return _recorded(ranges) or fingerprint_of(Archive(ranges))


def _recorded(ranges: Ranges) -> str | None:
    """Return the record that torch writes last, if the directory ends with that record."""
    directory = find_directory(ranges)
    size = min(directory.size, _LAST_ENTRY)
    tail = ranges.exactly(directory.offset + directory.size - size, size)
    last = tail[max(0, tail.rfind(ENTRY_MAGIC)) :]
    for entry in parse_entries(last, directory):
        if entry.name.endswith("/" + FINGERPRINT) and entry.crc:
            return to_fingerprint(read_entry(ranges, entry, FINGERPRINT_SIZE))
    return None
