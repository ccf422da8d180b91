"""What tells, without opening a file, that it is still the same; packed, to compare many."""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.row import FileState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FOUR: Final = Struct("<QQQQ")

_SIGNED: Final = Struct("<QqqQ")

SIZE: Final = _FOUR.size
"""Bytes of one file's mark."""

NOTHING: Final = bytes(SIZE)
"""The mark of a file that is not there."""

_BITS: Final = 0xFFFF_FFFF_FFFF_FFFF
"""Inodes may use all 64 bits, and times may lie before 1970 or far from now."""


def mark_of(state: FileState | None) -> bytes:
    """Return the mark of a file in this state."""
    if state is None:
        return NOTHING
    size, mtime_ns, ctime_ns, inode = state
    return _FOUR.pack(size & _BITS, mtime_ns & _BITS, ctime_ns & _BITS, inode & _BITS)


def state_in(mark: bytes) -> FileState | None:
    """Return the state that a mark was made of."""
    return None if mark == NOTHING else FileState(*_SIGNED.unpack(mark))


def marks_below(folder: str, names: Iterable[str | None]) -> bytes:
    """Return the marks of files as they are now, one after the other; `None` is no file."""
    prefix = prefix_of(folder)
    stat, pack = os.stat, _SIGNED.pack
    marks: list[bytes] = []
    for name in names:
        if name is None:
            marks.append(NOTHING)
            continue
        try:
            now = stat(prefix + name)
        except OSError:
            marks.append(NOTHING)
            continue
        marks.append(pack(now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino))
    return b"".join(marks)


def mark_of_folder(status: os.stat_result) -> bytes:
    """Return the mark of a folder: while it holds, the folder holds the same names.

    It begins with what tells the folder from every other one.
    """
    return _FOUR.pack(
        status.st_dev & _BITS,
        status.st_ino & _BITS,
        status.st_mtime_ns & _BITS,
        status.st_ctime_ns & _BITS,
    )


def folder_changed_ns(mark: bytes) -> int:
    """Return when names in the folder changed last, by its mark."""
    return max(_FOUR.unpack(mark)[2:]) if mark else 0


def identity_in(mark: bytes) -> bytes:
    """Return what tells a folder from every other one."""
    return mark[: SIZE // 2]


def join(folder: str, name: str) -> str:
    """Return the path of a file as `Path` would write it."""
    return f"{prefix_of(folder)}{name}"


def prefix_of(folder: str) -> str:
    """Return what the paths of all files in a folder begin with."""
    if folder == ".":
        return ""
    return folder if folder.endswith(os.sep) else f"{folder}{os.sep}"


def is_still(path: str, state: Sequence[int] | None) -> bool:
    """Tell whether a file is as it was, or still not there."""
    now = state_of(path)
    return now is None if state is None else now is not None and tuple(now) == tuple(state)


def state_of(path: str) -> FileState | None:
    """Return the state of a file or of what a link leads to; `None` where there is nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
