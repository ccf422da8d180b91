"""Checkpoints around bytes that no `torch.save` would write."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from checkpoint_meta.readers.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.readers.contents import CheckpointContents


class Zipped(Protocol):
    """Makes a checkpoint of a pickle."""

    def __call__(self, data: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
        """Return a torch zip around a pickle."""
        ...


@pytest.fixture
def zipped() -> Zipped:
    """Return what makes a checkpoint of a pickle."""

    def make(data: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
        return stream.getvalue()

    return make


@pytest.fixture
def read() -> Callable[[bytes], CheckpointContents]:
    """Return what reads a checkpoint out of memory."""
    return lambda data: read_checkpoint(io.BytesIO(data), Path("stranger.ckpt"))
