"""A checkpoint's contents, read once however many sources ask."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents


def read_contents(checkpoint: CheckpointFile) -> CheckpointContents:
    """Return what the checkpoint says of itself.

    Raises:
        ReadError: if it cannot be read as a checkpoint.
    """
    try:
        status = checkpoint.path.stat()
    except OSError as error:
        raise ReadError(checkpoint.path, f"cannot be read ({error.strerror})") from error
    return _read(checkpoint.path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _size: int, _mtime_ns: int) -> CheckpointContents:
    return read_checkpoint_file(path)
