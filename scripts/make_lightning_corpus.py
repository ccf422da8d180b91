"""Train tiny runs with the Lightning that is installed, and keep what they leave with its truth.

Run it with the Python of any PyTorch Lightning from 1.5 on:

    python scripts/make_lightning_corpus.py tests/corpus/lightning

A new version is a new folder. Truth is for each file what was validated with these very weights,
which is nothing where nothing was.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import pytorch_lightning as pl  # noqa: E402 - after the filter, which it would else write past
import torch  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

CHECKPOINTS = pl.callbacks.ModelCheckpoint
LOGGER = pl.loggers.CSVLogger
PLACE = Path("/var/tmp/ocr-runs")  # noqa: S108 - it stands in the files that are written
"""Where the runs are trained."""

FILES: dict[str, dict[str, object]] = {}
VALIDATED: dict[str, dict[str, float]] = {}
"""Weights -> what was validated with them, before or after they were saved."""


class Model(pl.LightningModule):
    """A line; its validation is random, so that no two are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):  # noqa: ANN001, ANN201
        """Log the loss of each step and each epoch."""
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, *_):  # noqa: ANN002, ANN201
        """Log metrics that differ each time."""
        self.log("val/hmean", torch.rand(()))
        self.log("val_loss", torch.rand(()))

    def configure_optimizers(self):  # noqa: ANN201
        """Return one optimizer."""
        return torch.optim.SGD(self.parameters(), 0.01)


class TwoOptimizers(Model):
    """The same with two optimizers, which double the global step from 1.6 on."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, _):  # noqa: ANN001, ANN201
        """Step both."""
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss)
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(self.layer(batch[0]).pow(2).mean())
            optimizer.step()

    def configure_optimizers(self):  # noqa: ANN201
        """Return two optimizers."""
        return [torch.optim.SGD(self.parameters(), 0.01), torch.optim.SGD(self.parameters(), 0.01)]


def _weights(model: torch.nn.Module) -> str:
    return repr([value.tolist() for value in model.state_dict().values()])


class Recorder(pl.callbacks.Callback):
    """Writes down what is validated with which weights."""

    def on_validation_end(self, trainer, module):  # noqa: ANN001, ANN201
        """Keep the metrics of a validation by the weights."""
        if not trainer.sanity_checking:
            metrics = trainer.callback_metrics.items()
            VALIDATED[_weights(module)] = {
                name: float(value) for name, value in metrics if name.startswith("val")
            }


def _recorded(save):  # noqa: ANN001, ANN202
    def recording(trainer, path, *args, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202
        save(trainer, path, *args, **kwargs)
        FILES[str(Path(path).relative_to(PLACE))] = {
            "weights": _weights(trainer.lightning_module),
            "epoch": trainer.current_epoch,
            "global_step": trainer.global_step,
        }

    return recording


pl.Trainer.save_checkpoint = _recorded(pl.Trainer.save_checkpoint)


def _fit(name, model=None, checkpoint=None, resume=None, **options):  # noqa: ANN001, ANN003, ANN202
    folder = PLACE / name
    chosen = {"monitor": "val/hmean", "mode": "max", "save_top_k": -1, "save_last": True}
    saver = CHECKPOINTS(dirpath=folder / "checkpoints", **{**chosen, **(checkpoint or {})})
    trainer = pl.Trainer(
        max_epochs=options.pop("max_epochs", 2),
        logger=LOGGER(str(PLACE), name=name, version=""),
        callbacks=[Recorder(), saver],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    data = [DataLoader(TensorDataset(torch.randn(2 * n, 4)), batch_size=2) for n in (6, 2)]
    trainer.fit(model or Model(), data[0], data[1], ckpt_path=resume)
    return trainer


def main(folder: Path) -> None:
    """Train, and put what lies there into a folder of the version's name."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    os.chdir(PLACE)
    torch.manual_seed(0)
    _fit("plain")
    _fit("half", val_check_interval=0.5)
    _fit("accumulate", accumulate_grad_batches=3)
    _fit("optimizers", TwoOptimizers(), {"save_last": False})
    _fit("every", checkpoint={"every_n_train_steps": 4, "monitor": None})
    _fit("weights", checkpoint={"save_weights_only": True, "save_last": False})
    target = folder / pl.__version__
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(PLACE, target)
    for file in FILES.values():
        file["validated"] = VALIDATED.get(file.pop("weights"), {})
    text = json.dumps(FILES, indent=1, sort_keys=True)
    (target / "truth.json").write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(PLACE)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
