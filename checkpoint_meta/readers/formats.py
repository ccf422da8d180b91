"""Which format a file has, by its first bytes; and what else it is, if it is no checkpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.archive import LOCAL_MAGIC
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.opening import steady
from checkpoint_meta.readers.torch_zip import read_torch_zip

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.readers.stream import Ranges

_HEAD: Final = 512
_TAR_MAGIC: Final = slice(257, 262)

_JSON: Final = slice(7, 9)
_SAFETENSORS: Final = b"\0{"
"""The end of the length of a JSON header, and the header's start."""

_PICKLE: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

_OTHERS: Final = (
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself (git lfs pull)"),
    (b"PK\5\6", "an empty zip, not a checkpoint"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file: unpack it first"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\x89HDF", "an HDF5 file (Keras?), not a PyTorch checkpoint"),
    (b"\x93NUMPY", "a numpy array, not a checkpoint"),
    (b"GGUF", "a GGUF file, not a PyTorch checkpoint"),
)
"""What is often taken for a checkpoint, by its first bytes."""

_WEB_PAGE: Final = (b"<!doctype", b"<html", b"<?xml")


def read_file(path: Path) -> CheckpointContents:
    """Return the contents of one file.

    Raises:
        ReadError: if it cannot be read, is not a checkpoint, or changed while it was read.
    """
    with steady(path) as ranges:
        return replace(read_format(ranges), mtime_ns=ranges.mtime_ns)


def read_format(ranges: Ranges) -> CheckpointContents:
    """Return the contents of a file of any known format."""
    head = ranges.read(0, _HEAD)
    if head.startswith(LOCAL_MAGIC):
        return read_torch_zip(ranges)
    # Rarer than the zip, so that only who meets them pays for their imports.
    if head.startswith(_PICKLE):
        from checkpoint_meta.readers.torch_legacy import read_torch_legacy

        return read_torch_legacy(ranges)
    if head[_JSON] == _SAFETENSORS:
        from checkpoint_meta.readers.safetensors import read_safetensors

        return read_safetensors(ranges)
    raise Fault(_name(head))


def _name(head: bytes) -> str:
    if not head:
        return "an empty file"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head.lstrip()[:9].lower().startswith(_WEB_PAGE):
        return "a web page, not a checkpoint: was the download refused?"
    if head[_TAR_MAGIC] == b"ustar":
        return "a tar archive: torch has not written such since 2016, and it is not read"
    if not any(head):
        return "a file of zeros: was the disk full when it was written?"
    return "not a checkpoint of a known format"
