"""One line for each epoch, where a progress bar would be too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch import Callback

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class EpochLines(Callback):
    """Prints the metrics of each epoch."""

    def __init__(self, metrics: list[str]) -> None:
        self.metrics = metrics

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print this epoch's line."""
        del pl_module
        values = trainer.callback_metrics
        shown = "  ".join(f"{name} {values[name]:.4f}" for name in self.metrics if name in values)
        print(f"epoch {trainer.current_epoch:2d}  step {trainer.global_step:4d}  {shown}")
