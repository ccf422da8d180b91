from __future__ import annotations

import pickle
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder, ModelCheckpoint
from lightning.pytorch.cli import LightningCLI
from torch.utils.data import DataLoader

from checkpoint_meta import MetadataCallback
from tests.training.tiny import BATCHES, HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from pathlib import Path

    import torch

pytestmark = pytest.mark.train


class SaveIn(Callback):
    """Saves once, in the hook that it is told."""

    def __init__(self, hook: str, path: Path) -> None:
        self.path = path
        setattr(self, hook, self.save)

    def save(self, trainer: Trainer, *_: object, **__: object) -> None:
        """Save, unless it was done."""
        if not self.path.exists():
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize(
    ("hook", "step", "hmean"),
    [
        ("on_train_start", 0, None),
        ("on_train_batch_end", 1, None),
        ("on_validation_end", BATCHES, HMEANS[0]),
        ("on_train_epoch_end", BATCHES, HMEANS[0]),
        ("on_train_end", BATCHES, HMEANS[0]),
    ],
)
def test_save_checkpoint_in_a_hook(
    tmp_path: Path, hook: str, step: int, hmean: float | None
) -> None:
    """A save in any hook has a sidecar with what is measured at that moment."""
    saver = SaveIn(hook, tmp_path / "mine.ckpt")
    trainer = make_trainer(
        tmp_path, saver, MetadataCallback(strict=True), max_epochs=1, enable_checkpointing=False
    )
    trainer.fit(Tiny())

    left = look(tmp_path)

    assert left.each("training.global_step") == {"mine.ckpt": step}
    assert left.each("metrics.hmean") == {"mine.ckpt": hmean}


def test_save_checkpoint_in_the_sanity_check(tmp_path: Path) -> None:
    """A save in the sanity check says that it is one."""
    trainer = make_trainer(
        tmp_path,
        SaveIn("on_validation_end", tmp_path / "mine.ckpt"),
        MetadataCallback(strict=True),
        max_epochs=1,
        num_sanity_val_steps=1,
        enable_checkpointing=False,
    )
    trainer.fit(Tiny())

    assert look(tmp_path).each("saved_in.sanity_checking") == {"mine.ckpt": True}


def test_save_checkpoint_after_fit(tmp_path: Path) -> None:
    """After `fit` the epoch is the number of finished epochs, as the file has it."""
    trainer = make_trainer(
        tmp_path, MetadataCallback(strict=True), max_epochs=2, enable_checkpointing=False
    )
    trainer.fit(Tiny())
    trainer.save_checkpoint(tmp_path / "mine.ckpt")

    left = look(tmp_path)

    assert left.each("training.epoch") == {"mine.ckpt": 2}
    assert left.each("metrics.hmean") == {"mine.ckpt": HMEANS[1]}


def test_save_checkpoint_after_validate(tmp_path: Path) -> None:
    """After `validate` the metrics are that run's alone."""
    trainer = make_trainer(
        tmp_path, MetadataCallback(strict=True), max_epochs=1, enable_checkpointing=False
    )
    model = Tiny()
    trainer.fit(model)
    trainer.validate(model, verbose=False)
    trainer.save_checkpoint(tmp_path / "mine.ckpt")

    left = look(tmp_path)

    assert left.logged("mine.ckpt") == {"val/hmean": HMEANS[1], "val/loss": 1 - HMEANS[1]}
    assert left.at("mine.ckpt", "saved_in.stage") == "validate"


def test_save_checkpoint_without_fit(tmp_path: Path) -> None:
    """`attach` hears of the saves of a Trainer that does not fit."""
    callback = MetadataCallback(strict=True)
    trainer = make_trainer(tmp_path, callback, enable_checkpointing=False)
    trainer.strategy.connect(Tiny())
    callback.attach(trainer)
    trainer.save_checkpoint(tmp_path / "mine.ckpt", weights_only=True)

    assert look(tmp_path).names == {"mine.ckpt"}


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_save_checkpoint_by_a_copied_trainer(tmp_path: Path, how: str) -> None:
    """A Trainer that was pickled or copied after `fit` still writes sidecars."""
    trainer = make_trainer(tmp_path, MetadataCallback(strict=True), max_epochs=1)
    trainer.fit(Tiny())
    copy = pickle.loads(pickle.dumps(trainer)) if how == "pickle" else deepcopy(trainer)
    copy.save_checkpoint(tmp_path / "mine.ckpt")
    trainer.save_checkpoint(tmp_path / "yours.ckpt")

    assert look(tmp_path).names >= {"mine.ckpt", "yours.ckpt"}


def test_resume(tmp_path: Path) -> None:
    """A resumed run goes on with the ranks of the run before it."""
    for epochs in (2, 4):
        model = Tiny(HMEANS if epochs == 2 else HMEANS[2:])
        owner = ModelCheckpoint(
            tmp_path, "{epoch}", "val/hmean", mode="max", save_top_k=-1, save_last=True
        )
        trainer = make_trainer(tmp_path, MetadataCallback(strict=True), owner, max_epochs=epochs)
        last = tmp_path / "last.ckpt"
        trainer.fit(model, ckpt_path=str(last) if last.exists() else None)

    left = look(tmp_path)

    assert left.at("epoch=3.ckpt", "metrics.hmean") == HMEANS[3]
    assert [name for name, best in sorted(left.each("checkpointing.best").items()) if best] == [
        "epoch=2.ckpt"
    ]


def test_resume_without_the_callback(tmp_path: Path) -> None:
    """The callback keeps no state: without it, or with it for the first time, nothing warns."""
    owner = ModelCheckpoint(tmp_path, "a{epoch}")
    make_trainer(tmp_path, MetadataCallback(strict=True), owner, max_epochs=1).fit(Tiny())
    make_trainer(tmp_path, ModelCheckpoint(tmp_path, "b{epoch}"), max_epochs=2).fit(
        Tiny(), ckpt_path=str(tmp_path / "aepoch=0.ckpt")
    )
    last = ModelCheckpoint(tmp_path, "c{epoch}")
    make_trainer(tmp_path, MetadataCallback(strict=True), last, max_epochs=3).fit(
        Tiny(), ckpt_path=str(tmp_path / "bepoch=1.ckpt")
    )

    sidecars = sorted(path.name for path in tmp_path.glob("*.metadata.yaml"))
    assert sidecars == ["aepoch=0.metadata.yaml", "cepoch=2.metadata.yaml"]


class Tunable(Tiny):
    """Has what the tuners tune."""

    def __init__(self) -> None:
        super().__init__()
        self.lr = 0.01
        self.batch_size = 2

    def train_dataloader(self) -> DataLoader[torch.Tensor]:
        """Return batches of the size that is tried."""
        return DataLoader(super().train_dataloader().dataset, batch_size=self.batch_size)


def test_learning_rate_finder(tmp_path: Path) -> None:
    """The tuner's own checkpoint leaves no sidecar behind."""
    finder = LearningRateFinder(num_training_steps=3, update_attr=False)
    trainer = make_trainer(
        tmp_path, finder, MetadataCallback(strict=True), ModelCheckpoint(tmp_path), max_epochs=1
    )
    trainer.fit(Tunable())

    assert len(look(tmp_path).names) == 1
    assert not [*tmp_path.glob(".*")]


def test_batch_size_finder(tmp_path: Path) -> None:
    """The tuner's own checkpoint leaves no sidecar behind."""
    finder = BatchSizeFinder(steps_per_trial=1, max_trials=2)
    trainer = make_trainer(
        tmp_path, finder, MetadataCallback(strict=True), ModelCheckpoint(tmp_path), max_epochs=1
    )
    trainer.fit(Tunable())

    assert len(look(tmp_path).names) == 1
    assert not [*tmp_path.glob(".*")]


def test_weight_averaging(tmp_path: Path) -> None:
    """An averaged model's checkpoint is described by the averaged weights that it holds."""
    averaging = pytest.importorskip("lightning.pytorch.callbacks.weight_averaging")
    trainer = make_trainer(
        tmp_path,
        averaging.EMAWeightAveraging(decay=0.9)
        if hasattr(averaging, "EMAWeightAveraging")
        else averaging.WeightAveraging(),
        MetadataCallback(strict=True),
        ModelCheckpoint(tmp_path),
        max_epochs=2,
    )
    trainer.fit(Tiny())

    left = look(tmp_path)

    assert left.each("model.parameters.count") == {"epoch=1-step=8.ckpt": 3}


def test_lightning_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The callback is named and set on the command line of LightningCLI."""
    monkeypatch.setattr("sys.argv", ["train"])
    # Lightning uses jsonargparse in a way that it deprecates.
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    LightningCLI(
        Tiny,
        save_config_callback=None,
        seed_everything_default=False,
        args=[
            "fit",
            f"--trainer.default_root_dir={tmp_path}",
            "--trainer.callbacks+=checkpoint_meta.MetadataCallback",
            "--trainer.callbacks.exp_name=by-cli",
            "--trainer.callbacks.strict=true",
            '--trainer.callbacks.extra={"team": "ocr"}',
            '--trainer.callbacks.metrics={"recall": "val/hmean"}',
            "--trainer.accelerator=cpu",
            "--trainer.devices=1",
            "--trainer.logger=false",
            "--trainer.max_epochs=1",
            "--trainer.enable_progress_bar=false",
            "--trainer.enable_model_summary=false",
            "--trainer.num_sanity_val_steps=0",
            "--trainer.log_every_n_steps=1",
        ],
    )

    left = look(tmp_path)

    assert left.each("exp_name") == {"checkpoints/epoch=0-step=4.ckpt": "by-cli"}
    assert left.each("team") == {"checkpoints/epoch=0-step=4.ckpt": "ocr"}
    assert left.each("metrics.recall") == {"checkpoints/epoch=0-step=4.ckpt": HMEANS[0]}
