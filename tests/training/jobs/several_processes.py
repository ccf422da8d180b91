"""Train with two processes on the CPU: several_processes.py STRATEGY FOLDER [broken]."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import ModelParallelStrategy
from torchmetrics import SumMetric

from checkpoint_meta import MetadataCallback
from tests.training.tiny import Tiny, make_trainer

if TYPE_CHECKING:
    import torch


class Synchronised(Tiny):
    """Logs what only all processes together can tell: reading it runs collectives."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = SumMetric()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Log in both of the ways that need collectives."""
        super().validation_step(batch, batch_idx)
        self.batches.update(1)
        self.log("val/batches", self.batches)
        self.log("val/rank", float(self.global_rank), sync_dist=True)


class Sharded(Tiny):
    """A module whose parameters are spread over the processes."""

    def configure_model(self) -> None:
        """Shard."""
        from torch.distributed.fsdp import fully_shard

        fully_shard(self.layer, mesh=self.device_mesh["data_parallel"])  # type: ignore[index]


class SaveBeforeAnybodyReads(Callback):
    """Saves where nothing has asked for the metrics of the epoch yet."""

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save on all ranks, as one must."""
        del pl_module
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "mine.ckpt")


def note_the_process(trainer: object) -> dict[str, int]:
    """Leave a file that tells which process wrote sidecars."""
    folder = Path(trainer.default_root_dir)  # type: ignore[attr-defined]
    (folder / f"wrote.{os.getpid()}").touch()
    return {}


def fail(trainer: object) -> dict[str, int]:
    """Fail in the process that writes."""
    raise LookupError(trainer)


def main(name: str, folder: Path, *, is_broken: bool) -> None:
    """Train."""
    callback = (
        MetadataCallback(extra=fail)
        if is_broken
        else MetadataCallback(strict=True, extra=note_the_process)
    )
    folder.mkdir(exist_ok=True)
    model = Sharded() if name == "fsdp2" else Synchronised()
    strategy = ModelParallelStrategy(2, 1) if name == "fsdp2" else name
    trainer = make_trainer(
        folder,
        SaveBeforeAnybodyReads(),
        callback,
        ModelCheckpoint(folder, "{epoch}", "val/hmean", mode="max", save_top_k=1),
        devices=2,
        strategy=strategy,
        max_epochs=3,
        use_distributed_sampler=False,
    )
    trainer.fit(model)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), is_broken="broken" in sys.argv)
