"""The smallest module that logs what a real one logs, and a look at what its training leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from checkpoint_meta.errors import printable
from checkpoint_meta.paths import CheckpointFile, iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning.pytorch import Callback

    from checkpoint_meta.evidence import JSONValue

HMEANS = (0.5, 0.25, 0.75, 0.625, 0.875, 0.125)
"""What each validation measures, in order: exact in float32, best in the third and fifth."""

BATCHES = 4
"""Training batches, and so optimizer steps, of one epoch."""


class Tiny(LightningModule):
    """Logs `train_loss` by step and epoch, and `val/hmean` and `val/loss` as it is told."""

    def __init__(self, hmeans: Sequence[float] = HMEANS) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.hmeans = hmeans
        self.validations = 0

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Log the number of the batch as its loss, which is easy to recognise."""
        loss: torch.Tensor = self.layer(batch).pow(2).mean()
        self.log("train_loss", float(batch_idx + 1), on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Log what this validation is to measure."""
        del batch, batch_idx
        hmean = self.hmeans[self.validations % len(self.hmeans)]
        self.log("val/hmean", hmean)
        self.log("val/loss", 1 - hmean)

    def on_validation_epoch_end(self) -> None:
        """Count the validations; the sanity check is none."""
        self.validations += not self.trainer.sanity_checking

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def train_dataloader(self) -> DataLoader[torch.Tensor]:
        """Return `BATCHES` batches."""
        return DataLoader(torch.ones(2 * BATCHES, 2), batch_size=2)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[torch.Tensor]:
        """Return two batches."""
        return DataLoader(torch.ones(4, 2), batch_size=2)  # type: ignore[arg-type]


def make_trainer(root: Path, *callbacks: Callback, **options: Any) -> Trainer:
    """Return a quiet Trainer on the CPU that works below `root`."""
    defaults: dict[str, Any] = {
        "default_root_dir": root,
        "max_epochs": 3,
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
    }
    return Trainer(callbacks=list(callbacks), **(defaults | options))


@dataclass
class Left:
    """What a training left in a folder: documents by the names of their checkpoints."""

    documents: dict[str, dict[str, JSONValue]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """Return the checkpoints' names."""
        return set(self.documents)

    def at(self, name: str, path: str) -> JSONValue:
        """Return one field, such as `metrics.hmean`, of a checkpoint's sidecar."""
        return look_up(self.documents[name], path.split("."))

    def each(self, path: str) -> dict[str, JSONValue]:
        """Return one field of every sidecar."""
        return {name: self.at(name, path) for name in self.documents}

    def logged(self, name: str) -> dict[str, JSONValue]:
        """Return the metrics of this very step by their logged names."""
        metrics = self.at(name, "metrics.additional_metrics")
        return metrics if isinstance(metrics, dict) else {}


def look(folder: Path) -> Left:
    """Return what lies in `folder`, once files and sidecars are shown to be in step.

    Each checkpoint has a valid sidecar with the epoch, step and size of its own file; no sidecar
    is without checkpoint; links have links; nothing else is left over.
    """
    left = Left()
    checkpoints = list(iter_checkpoints(folder))
    for checkpoint in checkpoints:
        name = printable(checkpoint.path.relative_to(folder).as_posix())
        left.documents[name] = _checked(checkpoint)
    expected = {one.sidecar for one in checkpoints}
    files = {one for one in folder.rglob("*") if one.is_file() or one.is_symlink()}
    found = {one for one in files if one.name.endswith((".metadata.yaml", ".partial"))}
    assert found == expected
    return left


def _checked(checkpoint: CheckpointFile) -> dict[str, JSONValue]:
    document = read_sidecar(checkpoint.sidecar)
    assert check_document(document) == []
    assert checkpoint.sidecar.is_symlink() == checkpoint.is_link
    if not checkpoint.is_sharded:
        contents = torch.load(checkpoint.path, weights_only=False)
        assert look_up(document, ("training", "epoch")) == contents["epoch"]
        assert look_up(document, ("training", "global_step")) == contents["global_step"]
    if not checkpoint.is_sharded and document["schema_version"] == "2.0":
        status = checkpoint.path.stat()
        assert look_up(document, ("checkpoint", "size_bytes")) == status.st_size
        assert look_up(document, ("checkpoint", "mtime_ns")) == status.st_mtime_ns
        assert document["checkpoint_path"] == checkpoint.path.resolve().name
    return document
