"""Checkpoints in parts: folders of FSDP, ModelParallel, torch DCP and DeepSpeed.

The shards stay closed: what they hold together stands in one small file of the folder.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.dcp import read_dcp
from checkpoint_meta.readers.deepspeed import read_deepspeed
from checkpoint_meta.readers.formats import read_file
from checkpoint_meta.readers.opening import steady

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.readers.contents import CheckpointContents

_META: Final = "meta.pt"
_METADATA: Final = ".metadata"
_DEPTH: Final = 3


def read_folder(path: Path) -> CheckpointContents:
    """Return what a checkpoint in parts says of itself.

    Raises:
        ReadError: if the folder is not a checkpoint, or the part that describes it is broken.
    """
    files = dict(_files(path, _DEPTH))
    if path / _METADATA in files:
        contents = _read_distributed(path, has_meta=path / _META in files)
    elif path / _META in files:
        rest = read_file(path / _META)
        problems = (*rest.problems, "its .metadata is missing")
        contents = replace(rest, format="fsdp", incomplete=True, problems=problems)
    else:
        contents = read_deepspeed(path, files)
    return replace(
        contents,
        size_bytes=sum(status.st_size for status in files.values()),
        mtime_ns=max(status.st_mtime_ns for status in files.values()),
    )


def _files(folder: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_file():
                yield folder / entry.name, entry.stat()
            elif depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _files(folder / entry.name, depth - 1)
    except OSError as error:
        raise ReadError(folder, f"cannot be listed ({error.strerror})") from error


def _read_distributed(path: Path, *, has_meta: bool) -> CheckpointContents:
    """Read `.metadata`, and what Lightning puts beside it: everything but the weights."""
    with steady(path / _METADATA) as ranges:
        weights = read_dcp(ranges)
    if not has_meta:
        return weights
    rest = read_file(path / _META)
    return replace(
        rest,
        format="fsdp",
        incomplete=rest.incomplete or weights.incomplete,
        weights_only=weights.weights_only,
        tensors=weights.tensors,
        parameter_count=weights.parameter_count,
        parameter_bytes=weights.parameter_bytes,
        dtypes=weights.dtypes,
        globals=tuple(dict.fromkeys(rest.globals + weights.globals)),
        problems=rest.problems + weights.problems,
    )
