"""Train with `pytorch_lightning` alone: other_package.py FOLDER."""

from __future__ import annotations

import sys

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from checkpoint_meta import MetadataCallback


class Plain(pl.LightningModule):
    """One layer, of the package under its older name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Return a loss."""
        del batch_idx
        loss: torch.Tensor = self.layer(batch).pow(2).mean()
        return loss

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Log a metric."""
        del batch, batch_idx
        self.log("val/hmean", 0.5)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.01)


def main(folder: str) -> None:
    """Train."""
    callback = MetadataCallback(strict=True)
    assert issubclass(type(callback), pl.Callback)
    assert "lightning.pytorch" not in sys.modules
    trainer = pl.Trainer(
        default_root_dir=folder,
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        # One callback, not a list: only a true Callback of this package is taken.
        callbacks=callback,  # type: ignore[arg-type]
    )
    trainer.callbacks.append(ModelCheckpoint(folder, "{epoch}", "val/hmean", save_last="link"))  # type: ignore[attr-defined]
    data = TensorDataset(torch.ones(4, 2))
    batches = DataLoader(data, 2, collate_fn=lambda rows: torch.stack([row for (row,) in rows]))
    trainer.fit(Plain(), batches, batches)


if __name__ == "__main__":
    main(sys.argv[1])
