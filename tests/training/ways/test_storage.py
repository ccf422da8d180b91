from __future__ import annotations

import time
from typing import TYPE_CHECKING

import fsspec
import pytest
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import AsyncCheckpointIO

from checkpoint_meta import MetadataCallback
from checkpoint_meta.readers.yaml import parse_yaml
from tests.training.tiny import HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


class SlowIO(TorchCheckpointIO):
    """Writes when training is long past it."""

    def save_checkpoint(self, *args: object, **kwargs: object) -> None:
        """Wait, and write."""
        time.sleep(0.05)
        super().save_checkpoint(*args, **kwargs)  # type: ignore[arg-type]


class FailingIO(TorchCheckpointIO):
    """Writes the first checkpoint, and fails at each later one."""

    count = 0

    def save_checkpoint(self, *args: object, **kwargs: object) -> None:
        """Write once."""
        self.count += 1
        if self.count > 1:
            msg = "disk full"
            raise OSError(msg)
        super().save_checkpoint(*args, **kwargs)  # type: ignore[arg-type]


def by_hmean(folder: Path | str, **options: object) -> ModelCheckpoint:
    """Return a ModelCheckpoint that keeps the best by `val/hmean`."""
    settings = {"monitor": "val/hmean", "mode": "max", "filename": "{epoch}"} | options
    return ModelCheckpoint(folder, **settings)  # type: ignore[arg-type]


def test_async_checkpoint_io_slow(tmp_path: Path) -> None:
    """A sidecar is written after its file, with the numbers of the moment of the save."""
    trainer = make_trainer(
        tmp_path,
        MetadataCallback(strict=True),
        by_hmean(tmp_path, save_top_k=-1, save_last=True),
        plugins=[AsyncCheckpointIO(SlowIO())],
    )
    trainer.fit(Tiny())

    left = look(tmp_path)

    assert [left.at(f"epoch={n}.ckpt", "metrics.hmean") for n in range(3)] == [*HMEANS[:3]]
    assert left.at("last.ckpt", "metrics.hmean") == HMEANS[2]
    assert [name for name, best in left.each("checkpointing.best").items() if best] == [
        "epoch=2.ckpt"
    ]


def test_async_checkpoint_io_with_removal(tmp_path: Path) -> None:
    """A file that Lightning fails to remove, since it is not written yet, keeps its sidecar."""
    trainer = make_trainer(
        tmp_path,
        MetadataCallback(strict=True),
        by_hmean(tmp_path, save_top_k=1),
        plugins=[AsyncCheckpointIO(SlowIO())],
        max_epochs=5,
    )
    trainer.fit(Tiny())

    assert "epoch=4.ckpt" in look(tmp_path).names


def test_async_checkpoint_io_failing(tmp_path: Path) -> None:
    """A file that was never written has no sidecar."""
    trainer = make_trainer(
        tmp_path,
        MetadataCallback(strict=True),
        by_hmean(tmp_path, save_top_k=-1),
        plugins=[AsyncCheckpointIO(FailingIO())],
    )
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(Tiny())

    assert look(tmp_path).names == {"epoch=0.ckpt"}


def test_checkpoint_io_failing(tmp_path: Path) -> None:
    """A save that fails leaves no sidecar, and its error is the user's to see."""
    trainer = make_trainer(
        tmp_path,
        MetadataCallback(strict=True),
        by_hmean(tmp_path, save_top_k=-1),
        plugins=[FailingIO()],
    )
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(Tiny())

    assert look(tmp_path).names == {"epoch=0.ckpt"}


def test_memory_folder(tmp_path: Path) -> None:
    """In an fsspec store the sidecars lie beside the checkpoints, and go with them."""
    files = fsspec.filesystem("memory")
    files.rm("/run", recursive=True) if files.exists("/run") else None
    owner = by_hmean("memory://run/c", save_top_k=1, save_last=True)
    make_trainer(tmp_path, MetadataCallback(strict=True), owner).fit(Tiny())

    names = {path.rpartition("/")[2] for path in files.ls("/run/c", detail=False)}
    document = parse_yaml(files.cat_file("/run/c/epoch=2.metadata.yaml").decode(), tmp_path)

    assert names == {"epoch=2.ckpt", "epoch=2.metadata.yaml", "last.ckpt", "last.metadata.yaml"}
    assert isinstance(document, dict)
    assert document["checkpoint_path"] == "epoch=2.ckpt"
    assert not [*tmp_path.rglob("*.yaml")]
