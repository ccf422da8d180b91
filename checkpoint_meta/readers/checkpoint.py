"""Any checkpoint, whatever its format: everything but the tensors, and nothing is run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.formats import read_format
from checkpoint_meta.readers.opening import opened, reporting
from checkpoint_meta.readers.stream import Ranges

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from checkpoint_meta.readers.contents import CheckpointContents


def read_checkpoint(stream: BinaryIO, name: Path) -> CheckpointContents:
    """Return what the checkpoint in a seekable stream says of itself.

    Raises:
        ReadError: if it is not a checkpoint, is broken, or asks for more than the limits allow.
    """
    with reporting(name):
        return read_format(Ranges(stream))


def read_checkpoint_file(path: Path) -> CheckpointContents:
    """Return what the checkpoint at `path`, a file or a folder, says of itself.

    Raises:
        ReadError: if it cannot be read, is not a checkpoint, or changed while it was read.
    """
    with opened(path) as stream:
        before = os.fstat(stream.fileno())
        contents = read_checkpoint(stream, path)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ReadError(path, "changed while it was read")
    return replace(contents, mtime_ns=after.st_mtime_ns)
