"""Train the runs whose logs are read: `train_runs.py FOLDER`; run by the tests, as a process.

Truth is written as it happens: for each file what its own `callback_metrics` were, and for each
global step what was validated there.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ |= {"WANDB_SILENT": "true", "WANDB_MODE": "offline"}
warnings.simplefilter("ignore")

import lightning  # noqa: E402 - after the settings that it reads
import torch  # noqa: E402
from lightning.pytorch.callbacks import Callback, ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

Truth = dict[str, dict[str, object]]

FILES: Final[Truth] = {}
VALIDATED: Final[dict[str, dict[int, list[dict[str, float]]]]] = defaultdict(dict)
"""Run -> global step -> the validations there."""


class Model(lightning.LightningModule):
    """A line; its validation is random, so that no two are alike."""

    def __init__(self, *, two_optimizers: bool = False, own_step: bool = False) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.automatic_optimization = not two_optimizers
        self.own_step = own_step
        self.save_hyperparameters({"lr": 0.1, "max_epochs": 2})

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Log the loss of each step and each epoch."""
        loss: torch.Tensor = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        if not self.automatic_optimization:
            optimizers = self.optimizers()
            assert isinstance(optimizers, list)
            for optimizer in optimizers:
                optimizer.zero_grad()
                self.manual_backward(self.layer(batch[0]).pow(2).mean())
                optimizer.step()
        return loss

    def validation_step(self, *_: object) -> None:
        """Log metrics that differ each time."""
        self.log("val/hmean", torch.rand(()))
        self.log("val_loss", torch.rand(()))
        if self.own_step:
            self.log("step", float(self.current_epoch))

    def configure_optimizers(self) -> Any:
        """Return one optimizer, or two."""
        first = torch.optim.SGD(self.parameters(), 0.01)
        if self.automatic_optimization:
            return first
        return [first, torch.optim.SGD(self.parameters(), 0.01)]


class Recorder(Callback):
    """Writes down what is true while it is."""

    def __init__(self, run: str) -> None:
        self.run = run

    def on_validation_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Keep the metrics of a validation by the step of the weights."""
        if not trainer.sanity_checking:
            found = VALIDATED[self.run].setdefault(trainer.global_step, [])
            found.append(_numbers(trainer, "val"))


def _numbers(trainer: lightning.Trainer, prefix: str = "") -> dict[str, float]:
    metrics = trainer.callback_metrics.items()
    return {name: float(value) for name, value in metrics if name.startswith(prefix)}


def _recorded(save: Callable[..., None]) -> Callable[..., None]:
    def recording(trainer: lightning.Trainer, path: str, *args: object, **kwargs: object) -> None:
        save(trainer, path, *args, **kwargs)
        callbacks = getattr(trainer, "callbacks", [])
        recorders = [one for one in callbacks if isinstance(one, Recorder)]
        if recorders:
            FILES[str(path)] = {
                "run": recorders[0].run,
                "global_step": trainer.global_step,
                "callback_metrics": _numbers(trainer),
            }

    return recording


# Every way to save a file goes through this method.
lightning.Trainer.save_checkpoint = _recorded(lightning.Trainer.save_checkpoint)  # type: ignore[method-assign]


def _data(batches: int) -> DataLoader[tuple[torch.Tensor, ...]]:
    return DataLoader(TensorDataset(torch.randn(2 * batches, 4)), batch_size=2)


def _fit(
    folder: Path,
    name: str,
    *,
    model: dict[str, bool] | None = None,
    checkpoint: dict[str, Any] | None = None,
    wandb: bool = False,
    resume: str | None = None,
    **options: Any,
) -> lightning.Trainer:
    """Train two epochs of six batches in a Hydra run, and log them in every way."""
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    (folder / ".hydra" / "config.yaml").write_text("exp_name: demo\n", encoding="utf-8")
    loggers: list[Any] = [CSVLogger(folder), TensorBoardLogger(folder, name="tensorboard")]
    if wandb:
        loggers.append(
            WandbLogger(
                save_dir=folder, project="ocr", id=f"id{name.replace('-', '')}", offline=True
            )
        )
    chosen: dict[str, Any] = {
        "monitor": "val/hmean",
        "mode": "max",
        "save_top_k": -1,
        "save_last": True,
    }
    saver = ModelCheckpoint(dirpath=folder / "checkpoints", **{**chosen, **(checkpoint or {})})
    trainer = lightning.Trainer(
        max_epochs=options.pop("max_epochs", 2),
        logger=loggers,
        callbacks=[saver, Recorder(name)],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **options,
    )
    trainer.fit(Model(**(model or {})), _data(6), _data(2), ckpt_path=resume)
    if wandb:
        loggers[-1].experiment.finish()
    return trainer


def _train(root: Path) -> None:
    _fit(root / "plain", "plain", wandb=True)
    _fit(root / "half", "half", wandb=True, val_check_interval=0.5)
    _fit(root / "accumulate", "accumulate", accumulate_grad_batches=3, val_check_interval=0.5)
    _fit(root / "optimizers", "optimizers", model={"two_optimizers": True})
    every: dict[str, Any] = {"every_n_train_steps": 4, "monitor": None}
    _fit(root / "every", "every", checkpoint=every)
    _fit(root / "stale", "stale", checkpoint={"every_n_train_steps": 4})
    _fit(root / "weights", "weights", checkpoint={"save_weights_only": True})
    _fit(root / "own_step", "own_step", model={"own_step": True})
    _fit(
        root / "own_step_unscored",
        "own_step_unscored",
        model={"own_step": True},
        checkpoint={"monitor": None, "save_last": False},
        max_epochs=3,
    )
    _fit(
        root / "seldom",
        "seldom",
        checkpoint={"monitor": None},
        check_val_every_n_epoch=2,
        max_epochs=4,
    )
    _fit(
        root / "early",
        "early",
        checkpoint={"save_on_train_epoch_end": True, "filename": "{epoch}-{val/hmean:.4f}"},
        val_check_interval=4,
    )
    _fit(
        root / "trained",
        "trained",
        checkpoint={"monitor": "train_loss_epoch", "mode": "min"},
        check_val_every_n_epoch=2,
        max_epochs=4,
    )
    after = _fit(root / "after", "after")
    after.save_checkpoint(root / "after" / "checkpoints" / "final.ckpt")
    after.validate(after.lightning_module, _data(2), verbose=False)

    again = root / "resumed"
    _fit(again, "resumed", checkpoint={"filename": "first-{epoch}"})
    first = str(again / "checkpoints" / "first-epoch=0.ckpt")
    _fit(
        again,
        "resumed-again",
        checkpoint={"filename": "second-{epoch}"},
        resume=first,
        max_epochs=3,
    )
    for name in ("twin-a", "twin-b"):
        _fit(
            root / "twins",
            name,
            wandb=True,
            checkpoint={"filename": f"{name}-{{epoch}}", "save_last": False},
        )
    for name in ("blind-a", "blind-b"):
        _fit(
            root / "blind",
            name,
            checkpoint={
                "filename": f"{name}-{{epoch}}",
                "save_weights_only": True,
                "save_last": False,
            },
        )
    _fit(
        root / "printed",
        "printed",
        checkpoint={
            "filename": "{epoch}-{val/hmean:.4f}",
            "save_weights_only": True,
            "save_last": False,
            "auto_insert_metric_name": True,
        },
    )


if __name__ == "__main__":
    _train(Path(sys.argv[1]))
    truth = {"files": FILES, "validated": VALIDATED}
    (Path(sys.argv[1]) / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
