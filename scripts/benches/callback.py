"""What the callback adds to a save: `scripts/bench callback`.

Each figure is a ratio or a difference within one run: the same Trainer saves the same checkpoint
with and without the callback, turn by turn, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from figure import Figure
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset

from checkpoint_meta import MetadataCallback
from checkpoint_meta.training.taps import SaveTap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TURNS: Final = 25

METRICS: Final = 15

AIM_MS: Final = 5.0
"""Milliseconds that the callback may add to a save at 15 metrics."""

AIM_SHARE: Final = 1.1
"""Time of a save at 10 million parameters, as a share of the same save without the callback."""

FLOOR_MS: Final = 0.3
"""Milliseconds of the one fsync that no sidecar can do without, on an idle machine."""

LEAST_MS: Final = 0.01
"""What a difference below the clock's noise counts as."""

TEN_MILLION: Final = 3162
"""Rows and columns of a layer of 10 million parameters."""


class Measured(LightningModule):
    """Logs `METRICS` metrics, and has as many parameters as it is asked to have."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, width, bias=False)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Touch every parameter."""
        del batch_idx
        return self.layer.weight.sum() * batch[0].mean()

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        """Log."""
        del batch, batch_idx
        self.log_dict({f"val/metric_{number}": 1.0 / (number + 1) for number in range(METRICS)})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.0)


def figures() -> Iterator[Figure]:
    """Yield what the callback adds to a save of a small model, and to one of a large one."""
    with tempfile.TemporaryDirectory() as folder:
        floor = fsync_ms(Path(folder))
        ours, peer = compare(2, Path(folder))
        added = max(ours - peer, LEAST_MS)
        name = f"callback, added to a save at {METRICS} metrics"
        yield Figure(name, added, AIM_MS, "ms", 1, "limit")
        yield Figure(name, added, floor, "ms", FLOOR_MS / AIM_MS, "fsync alone")
        ours, peer = compare(TEN_MILLION, Path(folder))
        name = "callback, a save at 10 million parameters"
        yield Figure(name, ours, peer, "ms", 1 / AIM_SHARE, "without")


def compare(width: int, folder: Path) -> tuple[float, float]:
    """Return the median milliseconds of a save with the callback, and without it."""
    trainer = _trained(Measured(width), folder)
    tap = trainer.strategy.save_checkpoint
    if not isinstance(tap, SaveTap):
        message = "the callback does not listen to this Trainer"
        raise TypeError(message)
    checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)  # noqa: SLF001
    path = folder / "bench.ckpt"
    ours, peers = [], []
    for _ in range(TURNS):
        peers.append(_milliseconds(lambda: tap.original(checkpoint, path)))
        ours.append(_milliseconds(lambda: tap(checkpoint, path)))
    return statistics.median(ours), statistics.median(peers)


def fsync_ms(folder: Path) -> float:
    """Return what no sidecar can do without: one small file written through to the disk."""

    def write() -> None:
        with (folder / "floor").open("wb") as stream:
            stream.write(b"x" * 2000)
            stream.flush()
            os.fsync(stream.fileno())

    return statistics.median(_milliseconds(write) for _ in range(TURNS))


def _trained(module: Measured, folder: Path) -> Trainer:
    """Return a Trainer that has trained with the callback, quietly."""
    batches = DataLoader(TensorDataset(torch.ones(2, 1)), batch_size=1)
    trainer = Trainer(
        default_root_dir=folder,
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=[MetadataCallback(strict=True)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, batches, batches)
    return trainer


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000
