"""Opening a checkpoint, and naming it when something is wrong with it."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.faults import BROKEN_BYTES, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; a FIFO would otherwise wait for a writer, maybe for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ReadError(path, f"cannot be opened ({error.strerror})") from error
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ReadError(path, "not a regular file")
        yield stream


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
