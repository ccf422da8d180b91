from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torchmetrics import MeanMetric, SumMetric

from checkpoint_meta import MetadataCallback
from tests.training.tiny import BATCHES, HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.training.tiny import Left

pytestmark = pytest.mark.train


def train(folder: Path, model: Tiny, owner: ModelCheckpoint, **options: object) -> Left:
    """Return what a training leaves."""
    make_trainer(folder, MetadataCallback(strict=True), owner, **options).fit(model)
    return look(folder)


def each_epoch(folder: Path, **options: object) -> ModelCheckpoint:
    """Return a ModelCheckpoint that keeps every epoch."""
    return ModelCheckpoint(folder, "{epoch}", save_top_k=-1, **options)  # type: ignore[arg-type]


def each_step(folder: Path, every: int = 1) -> ModelCheckpoint:
    """Return a ModelCheckpoint that keeps every step."""
    return ModelCheckpoint(
        folder, "{step}", "step", mode="max", every_n_train_steps=every, save_top_k=-1
    )


def test_at_the_end_of_the_epoch(tmp_path: Path) -> None:
    """The training's mean is this epoch's, the step's value the last batch's."""
    left = train(tmp_path, Tiny(), each_epoch(tmp_path))

    assert left.logged("epoch=1.ckpt") == {
        "train_loss": 2.5,
        "train_loss_epoch": 2.5,
        "train_loss_step": float(BATCHES),
        "val/hmean": HMEANS[1],
        "val/loss": 1 - HMEANS[1],
    }
    assert left.at("epoch=1.ckpt", "last_validation") is None
    assert left.at("epoch=1.ckpt", "saved_in") == {
        "stage": "fit",
        "sanity_checking": False,
        "last_batch": True,
    }


def test_at_the_end_of_the_validation(tmp_path: Path) -> None:
    """The epoch's training mean does not exist yet, and the one before is not taken for it."""
    left = train(tmp_path, Tiny(), each_epoch(tmp_path, save_on_train_epoch_end=False))

    assert left.logged("epoch=1.ckpt") == {
        "train_loss": float(BATCHES),
        "train_loss_step": float(BATCHES),
        "val/hmean": HMEANS[1],
        "val/loss": 1 - HMEANS[1],
    }


def test_in_mid_epoch(tmp_path: Path) -> None:
    """Only this batch was measured at this step; the validation before is told apart."""
    left = train(tmp_path, Tiny(), each_step(tmp_path), max_epochs=2)

    assert left.logged("step=6.ckpt") == {"train_loss": 2.0, "train_loss_step": 2.0}
    assert left.at("step=6.ckpt", "saved_in.last_batch") is False
    assert left.at("step=6.ckpt", "last_validation") == {
        "epoch": 0,
        "global_step": BATCHES,
        "metrics": {"val/hmean": HMEANS[0], "val/loss": 1 - HMEANS[0]},
    }


def test_validation_in_mid_epoch(tmp_path: Path) -> None:
    """With two validations an epoch each checkpoint has the one at its own step."""
    owner = ModelCheckpoint(tmp_path, "{step}", "val/hmean", mode="max", save_top_k=-1)
    left = train(tmp_path, Tiny(), owner, max_epochs=2, val_check_interval=0.5)

    assert left.each("metrics.hmean") == {
        f"step={2 * number}.ckpt": HMEANS[number - 1] for number in (1, 2, 3, 4)
    }


def test_an_equal_value_is_a_new_one(tmp_path: Path) -> None:
    """A validation that measures what the one before did is this step's all the same."""
    left = train(tmp_path, Tiny([0.5]), each_epoch(tmp_path))

    assert set(left.each("metrics.hmean").values()) == {0.5}
    assert set(left.each("last_validation").values()) == {None}


class Seldom(Tiny):
    """Logs something at every third batch only."""

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Log now and then."""
        if batch_idx % 3 == 0:
            self.log("grad_norm", 1.0)
        return super().training_step(batch, batch_idx)


def test_a_metric_that_is_logged_seldom(tmp_path: Path) -> None:
    """What was logged at an earlier batch is not this step's."""
    left = train(tmp_path, Seldom(), each_step(tmp_path), max_epochs=1)

    logged = {name for name in left.names if "grad_norm" in left.logged(name)}
    assert logged == {"step=1.ckpt", "step=4.ckpt"}


class OneName(Tiny):
    """Logs training and validation under one name."""

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Log 1."""
        self.log("score", 1.0, on_step=False, on_epoch=True)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Log 2."""
        self.log("score", 2.0)
        super().validation_step(batch, batch_idx)


@pytest.mark.parametrize(("at_epoch_end", "score"), [(True, 1.0), (False, 2.0)])
def test_one_name_for_training_and_validation(
    tmp_path: Path, at_epoch_end: bool, score: float
) -> None:
    """The later of the two is the one that Lightning shows, and the one that is recorded."""
    owner = each_epoch(tmp_path, save_on_train_epoch_end=at_epoch_end)
    left = train(tmp_path, OneName(), owner, max_epochs=1)

    assert left.logged("epoch=0.ckpt")["score"] == score


class WithTorchmetrics(Tiny):
    """Logs metric objects, whose result may be their own state."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.sum = MeanMetric(), SumMetric()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Update and log the objects."""
        super().validation_step(batch, batch_idx)
        self.mean.update(self.validations)
        self.sum.update(1)
        self.log("val/mean", self.mean)
        self.log("val/sum", self.sum)


def test_metric_objects(tmp_path: Path) -> None:
    """A torchmetrics object is recorded by what it has computed at this step."""
    left = train(tmp_path, WithTorchmetrics(), each_epoch(tmp_path))

    assert [left.logged(f"epoch={epoch}.ckpt")["val/mean"] for epoch in range(3)] == [0, 1, 2]
    assert [left.logged(f"epoch={epoch}.ckpt")["val/sum"] for epoch in range(3)] == [2, 2, 2]


class TwoOptimizers(Tiny):
    """Steps two optimizers in each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Step both."""
        loss = super().training_step(batch, batch_idx)
        self.manual_backward(loss)
        for optimizer in self.optimizers():  # type: ignore[union-attr]
            optimizer.step()
        return loss

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:  # type: ignore[override]
        """Return two."""
        return [torch.optim.SGD(self.parameters(), lr=0.01) for _ in range(2)]


def test_two_optimizers(tmp_path: Path) -> None:
    """The step counts all optimizers, as the file has it, and the metrics are found by it."""
    left = train(tmp_path, TwoOptimizers(), each_epoch(tmp_path))

    assert left.at("epoch=1.ckpt", "training.global_step") == 4 * BATCHES
    assert left.at("epoch=1.ckpt", "metrics.hmean") == HMEANS[1]


def test_accumulated_gradients(tmp_path: Path) -> None:
    """With several batches a step the metrics are those of the step."""
    left = train(tmp_path, Tiny(), each_epoch(tmp_path), accumulate_grad_batches=2)

    assert left.at("epoch=1.ckpt", "training.global_step") == BATCHES
    assert left.at("epoch=1.ckpt", "metrics.hmean") == HMEANS[1]


def test_not_a_number(tmp_path: Path) -> None:
    """A NaN stays out, and the infinity that Lightning makes of it is no score."""
    owner = each_epoch(tmp_path, monitor="val/hmean", mode="max")
    left = train(tmp_path, Tiny([0.5, float("nan")]), owner, max_epochs=2)

    assert "val/hmean" not in left.logged("epoch=1.ckpt")
    assert left.at("epoch=1.ckpt", "checkpointing.score") is None
    assert left.each("checkpointing.best") == {"epoch=0.ckpt": True, "epoch=1.ckpt": False}


def test_percent_and_negative_values(tmp_path: Path) -> None:
    """A metric in percent keeps its own name alone, and a negative loss is a loss."""
    left = train(tmp_path, Tiny([90.0]), each_epoch(tmp_path), max_epochs=1)

    assert left.at("epoch=0.ckpt", "metrics.hmean") is None
    assert left.logged("epoch=0.ckpt")["val/hmean"] == 90.0
    assert left.at("epoch=0.ckpt", "metrics.validation_loss") == -89.0


def test_early_stopping(tmp_path: Path) -> None:
    """The monitor is the ModelCheckpoint's, never EarlyStopping's."""
    trainer = make_trainer(
        tmp_path,
        EarlyStopping("val/loss", patience=5),
        MetadataCallback(strict=True),
        each_epoch(tmp_path, monitor="val/hmean", mode="max"),
    )
    trainer.fit(Tiny())

    left = look(tmp_path)

    assert set(left.each("checkpointing.monitor").values()) == {"val/hmean"}
    assert set(left.each("checkpointing.mode").values()) == {"max"}


class LikeTheOldProject(Tiny):
    """Logs the names that the old callback took for others."""

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Log what training measures of itself."""
        self.log("train/precision", 0.9)
        self.log("if1_gate", 0.8)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        """Log batches before the whole."""
        self.log_dict({f"batch_{batch_idx}/hmean": 0.1, f"batch_{batch_idx}/precision": 0.2})
        self.log_dict({"val/precision": 0.6, "val/recall": 0.7})
        super().validation_step(batch, batch_idx)


def metrics_of(document: Mapping[str, object]) -> tuple[object, ...]:
    """Return the three metrics of text detection."""
    metrics = document["metrics"]
    assert isinstance(metrics, dict)
    return metrics["precision"], metrics["recall"], metrics["hmean"]


def test_names_that_only_look_like_metrics(tmp_path: Path) -> None:
    """A batch's hmean, the training's precision and `if1_gate` are not the validation's metrics."""
    left = train(tmp_path, LikeTheOldProject(), each_epoch(tmp_path), max_epochs=1)

    values = metrics_of(left.documents["epoch=0.ckpt"])
    assert values == (pytest.approx(0.6), pytest.approx(0.7), HMEANS[0])
