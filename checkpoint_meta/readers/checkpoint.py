"""Any checkpoint, whatever its format: everything but the tensors, and nothing is run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from checkpoint_meta.readers.formats import read_file, read_format
from checkpoint_meta.readers.opening import reporting
from checkpoint_meta.readers.stream import Ranges, first_ranges

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from checkpoint_meta.readers.contents import CheckpointContents

__all__ = ["first_ranges", "read_checkpoint", "read_checkpoint_file"]


def read_checkpoint(stream: BinaryIO, name: Path) -> CheckpointContents:
    """Return what the checkpoint in a seekable stream says of itself; `name` is for errors.

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
    # Not `path.is_dir()`, which raises where the folder above may not be entered.
    if os.path.isdir(path):  # noqa: PTH112
        from checkpoint_meta.readers.folders import read_folder

        return read_folder(path)
    return read_file(path)
