"""Opening a checkpoint, and naming it when something is wrong with it."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.faults import BROKEN_BYTES, Fault
from checkpoint_meta.readers.stream import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


@contextmanager
def reporting(name: Path) -> Iterator[None]:
    """Say of what file a fault is."""
    try:
        yield
    except Fault as fault:
        raise ReadError(name, str(fault), fault.globals) from fault
    except OSError as error:
        raise ReadError(name, f"cannot be read ({error.strerror or error})") from error
    except BROKEN_BYTES as error:
        raise ReadError(name, f"is damaged ({type(error).__name__})") from error


@contextmanager
def steady(path: Path) -> Iterator[Ranges]:
    """Open a file to be read in ranges.

    Raises:
        ReadError: if it cannot be opened, or changed before it was closed.
    """
    with _opened(path) as stream:
        before = os.fstat(stream.fileno())
        try:
            with reporting(path):
                yield Ranges(stream, before.st_mtime_ns)
        except ReadError as error:
            if _changed(before, os.fstat(stream.fileno())):
                raise ReadError(path, "changed while it was read") from error
            raise
        if _changed(before, os.fstat(stream.fileno())):
            raise ReadError(path, "changed while it was read")


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; a FIFO would otherwise wait for a writer, maybe for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ReadError(path, f"cannot be opened ({error.strerror})") from error
    except ValueError as error:
        raise ReadError(path, f"cannot be a file's name ({error})") from error
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise ReadError(path, f"{_kind(kind)}, not a file")
        # Pages around what is read are of no use; where this is not known, nothing is lost.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        yield stream


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO (named pipe)"
    return "a folder" if stat.S_ISDIR(mode) else "a device"
