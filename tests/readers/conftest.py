"""Checkpoints around bytes that no `torch.save` would write."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest
import torch

from checkpoint_meta.readers.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.readers.contents import CheckpointContents


LAYER: Final = [("weight", (2, 3), "float32"), ("bias", (2,), "float32")]


def saved_layer(**extra: object) -> dict[str, object]:
    """Return what Lightning saves of a module that is `LAYER`."""
    return {
        "epoch": 3,
        "global_step": 40,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": torch.nn.Linear(3, 2).state_dict(),
        "loops": {},
        "metrics": {"hmean": torch.tensor(0.25), "view": torch.arange(9)[4]},
        **extra,
    }


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
