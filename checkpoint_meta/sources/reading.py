"""What several sources ask for, read once: a checkpoint's contents, its run's configuration."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.readers.yaml import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents


def read_contents(checkpoint: CheckpointFile) -> CheckpointContents:
    """Return what the checkpoint says of itself.

    Raises:
        ReadError: if it cannot be read as a checkpoint.
    """
    return _read(checkpoint.path, *_stamp(checkpoint.path))


def read_config(file: Path) -> JSONValue:
    """Return what a YAML file says; it belongs to everybody, and nobody changes it.

    Raises:
        ReadError: if it cannot be read, or is not YAML.
    """
    return _read_config(file, *_stamp(file))


def _stamp(file: Path) -> tuple[int, int, int, int]:
    """Return what tells that a file is the same: its time may be set, that of its status not."""
    try:
        status = file.stat()
    except OSError as error:
        raise ReadError(file, f"cannot be read ({error.strerror})") from error
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@lru_cache(maxsize=4)
def _read(path: Path, *_stamp: int) -> CheckpointContents:
    return read_checkpoint_file(path)


@lru_cache(maxsize=4)
def _read_config(path: Path, *_stamp: int) -> JSONValue:
    return read_yaml(path)
