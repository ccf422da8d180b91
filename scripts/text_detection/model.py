"""The text detector as Lightning trains it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from .data import MARGIN
from .metrics import Counts, count_batch
from .parts import build_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning.pytorch.utilities.types import OptimizerLRScheduler

    Settings = Mapping[str, Any]


class DBNet(nn.Module):
    """Encoder, decoder and head, one after the other."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        """Return for each pixel the logit of being text."""
        logits: Tensor = self.head(self.decoder(self.encoder(image)))
        return logits


class TextDetector(LightningModule):
    """Finds text boxes; its parts are named and measured by the configuration."""

    def __init__(  # noqa: PLR0913 - each is a key of the configuration
        self,
        *,
        architecture: str,
        encoder: Settings,
        decoder: Settings,
        head: Settings,
        loss: Settings,
        lr: float,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.architecture = architecture
        self.model = DBNet(
            build_part(encoder["model_name"], {"channels": encoder["channels"]}),
            _build(decoder),
            _build(head),
        )
        self.loss = _build(loss)
        self.lr = lr
        self._counts = Counts()

    def forward(self, image: Tensor) -> Tensor:
        """Return for each pixel the logit of being text."""
        logits: Tensor = self.model(image)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        """Return the loss of a batch."""
        image, target, _boxes = batch
        loss: Tensor = self.loss(self(image), target)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the boxes of the last validation."""
        self._counts = Counts()

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
        """Add the batch's boxes to those of this validation."""
        image, target, boxes = batch
        logits = self(image)
        self.log("val/loss", self.loss(logits, target))
        self._counts += count_batch(logits[:, 0] > 0, boxes, grow=MARGIN)

    def on_validation_epoch_end(self) -> None:
        """Log precision, recall and hmean over the whole validation set."""
        for name, value in self._scores().items():
            self.log(f"val/{name}", value)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the scores in the checkpoint itself, once there are any."""
        if self._counts.true:
            checkpoint["metrics"] = self._scores()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return Adam, its rate rising and falling once over the whole training."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.lr, total_steps=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _scores(self) -> dict[str, float]:
        counts = self._counts
        return {"precision": counts.precision, "recall": counts.recall, "hmean": counts.hmean}


def _build(settings: Settings) -> nn.Module:
    rest = {key: value for key, value in settings.items() if key != "name"}
    return build_part(settings["name"], rest)
