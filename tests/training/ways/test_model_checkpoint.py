from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from checkpoint_meta import MetadataCallback
from tests.training.tiny import BATCHES, HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


def strict() -> MetadataCallback:
    """Return the callback with its faults raised."""
    return MetadataCallback(strict=True)


def by_hmean(folder: Path, **options: object) -> ModelCheckpoint:
    """Return a ModelCheckpoint that keeps the best by `val/hmean`."""
    settings = {"monitor": "val/hmean", "mode": "max", "filename": "{epoch}"} | options
    return ModelCheckpoint(folder, **settings)  # type: ignore[arg-type]


def test_lightnings_default(tmp_path: Path) -> None:
    """The one checkpoint of the newest epoch has its sidecar; the earlier ones are gone."""
    make_trainer(tmp_path, strict()).fit(Tiny())

    left = look(tmp_path)

    assert left.names == {"checkpoints/epoch=2-step=12.ckpt"}
    assert left.each("metrics.hmean") == {"checkpoints/epoch=2-step=12.ckpt": HMEANS[2]}


def test_save_top_k_with_removal(tmp_path: Path) -> None:
    """Sidecars go with the checkpoints that are pruned, and the rest know their rank."""
    make_trainer(tmp_path, strict(), by_hmean(tmp_path, save_top_k=2), max_epochs=5).fit(Tiny())

    left = look(tmp_path)

    assert left.each("metrics.hmean") == {"epoch=2.ckpt": 0.75, "epoch=4.ckpt": 0.875}
    assert left.each("checkpointing.rank") == {"epoch=2.ckpt": 2, "epoch=4.ckpt": 1}
    assert left.each("checkpointing.best") == {"epoch=2.ckpt": False, "epoch=4.ckpt": True}


def test_save_top_k_all(tmp_path: Path) -> None:
    """With `save_top_k=-1` every epoch has a sidecar with its own numbers, and one is the best."""
    make_trainer(tmp_path, strict(), by_hmean(tmp_path, save_top_k=-1), max_epochs=4).fit(Tiny())

    left = look(tmp_path)

    assert [left.at(f"epoch={epoch}.ckpt", "metrics.hmean") for epoch in range(4)] == [*HMEANS[:4]]
    assert [name for name, best in left.each("checkpointing.best").items() if best] == [
        "epoch=2.ckpt"
    ]


def test_save_last(tmp_path: Path) -> None:
    """`last.ckpt` has a sidecar of its own with the newest epoch's numbers, and is never best."""
    make_trainer(tmp_path, strict(), by_hmean(tmp_path, save_last=True, save_top_k=-1)).fit(Tiny())

    left = look(tmp_path)

    assert left.at("last.ckpt", "training.epoch") == 2
    assert left.at("last.ckpt", "metrics.hmean") == HMEANS[2]
    assert left.at("last.ckpt", "checkpointing.score") == HMEANS[2]
    assert left.at("last.ckpt", "checkpointing.best") is False


def test_save_last_as_link(tmp_path: Path) -> None:
    """A linked `last.ckpt` has a linked sidecar, which says what the target's says."""
    owner = by_hmean(tmp_path, save_last="link", save_top_k=-1)
    make_trainer(tmp_path, strict(), owner).fit(Tiny())

    left = look(tmp_path)

    assert (tmp_path / "last.metadata.yaml").resolve().name == "epoch=2.metadata.yaml"
    assert left.at("last.ckpt", "training.epoch") == 2


def test_save_last_after_a_link(tmp_path: Path) -> None:
    """A real `last.ckpt` in place of a link gets a real sidecar; the old target keeps its own."""
    linking = by_hmean(tmp_path, save_last="link", save_top_k=-1)
    make_trainer(tmp_path, strict(), linking, max_epochs=1).fit(Tiny())
    saving = by_hmean(tmp_path, save_last=True, save_top_k=-1, filename="b{epoch}")
    saving.last_model_path = str(tmp_path / "last.ckpt")
    make_trainer(tmp_path, strict(), saving, max_epochs=2).fit(Tiny())

    left = look(tmp_path)

    assert left.at("last.ckpt", "training.epoch") == 1
    assert left.at("epoch=0.ckpt", "training.epoch") == 0


def test_every_n_train_steps(tmp_path: Path) -> None:
    """A checkpoint in mid-epoch has its own step, and no validation that is older than it."""
    owner = ModelCheckpoint(
        tmp_path, every_n_train_steps=3, save_top_k=-1, filename="{step}", monitor="step"
    )
    make_trainer(tmp_path, strict(), owner, max_epochs=2).fit(Tiny())

    left = look(tmp_path)

    assert left.names == {"step=3.ckpt", "step=6.ckpt"}
    assert left.at("step=6.ckpt", "metrics.hmean") is None
    assert left.at("step=6.ckpt", "last_validation.global_step") == BATCHES


def test_train_time_interval(tmp_path: Path) -> None:
    """Checkpoints by the clock have their sidecars."""
    always = timedelta(microseconds=1)
    owner = ModelCheckpoint(tmp_path, "{step}", "step", train_time_interval=always, save_top_k=-1)
    make_trainer(tmp_path, strict(), owner, max_epochs=1).fit(Tiny())

    left = look(tmp_path)

    assert left.each("training.global_step") == {f"step={n}.ckpt": n for n in range(1, BATCHES + 1)}


@pytest.mark.parametrize("at_epoch_end", [True, False], ids=["epoch-end", "validation-end"])
def test_save_on_train_epoch_end(tmp_path: Path, at_epoch_end: bool) -> None:
    """Saved at the end of the epoch or of the validation, it has this epoch's validation."""
    owner = by_hmean(tmp_path, save_on_train_epoch_end=at_epoch_end, save_top_k=-1)
    make_trainer(tmp_path, strict(), owner).fit(Tiny())

    left = look(tmp_path)

    assert [left.at(f"epoch={epoch}.ckpt", "metrics.hmean") for epoch in range(3)] == [*HMEANS[:3]]


def test_check_val_every_n_epoch(tmp_path: Path) -> None:
    """Where no validation ran in an epoch, the one before stands in `last_validation`."""
    owner = ModelCheckpoint(
        tmp_path, save_on_train_epoch_end=True, save_top_k=-1, filename="{epoch}"
    )
    make_trainer(tmp_path, strict(), owner, check_val_every_n_epoch=2).fit(Tiny())

    left = look(tmp_path)

    assert left.at("epoch=1.ckpt", "metrics.hmean") == HMEANS[0]
    assert left.at("epoch=2.ckpt", "metrics.hmean") is None
    assert left.at("epoch=2.ckpt", "last_validation") == {
        "epoch": 1,
        "global_step": 2 * BATCHES,
        "metrics": {"val/hmean": HMEANS[0], "val/loss": 1 - HMEANS[0]},
    }


def test_save_weights_only(tmp_path: Path) -> None:
    """A checkpoint of weights alone has the same sidecar, which says so."""
    owner = by_hmean(tmp_path, save_weights_only=True)
    make_trainer(tmp_path, strict(), owner).fit(Tiny())

    left = look(tmp_path)

    assert left.each("checkpoint.weights_only") == {"epoch=2.ckpt": True}
    assert left.each("metrics.hmean") == {"epoch=2.ckpt": HMEANS[2]}


def test_version_numbers_in_names(tmp_path: Path) -> None:
    """`best.ckpt` and `best-v1.ckpt` have a sidecar each, with the numbers of each."""
    owner = by_hmean(tmp_path, filename="best", save_top_k=2)
    make_trainer(tmp_path, strict(), owner).fit(Tiny())

    left = look(tmp_path)

    assert sorted(left.each("training.epoch").items()) == [("best-v1.ckpt", 2), ("best.ckpt", 0)]


def test_a_name_that_is_used_again(tmp_path: Path) -> None:
    """A file that takes a pruned one's name has its own numbers, not the pruned one's."""
    owner = by_hmean(tmp_path, filename="best", save_top_k=1)
    make_trainer(tmp_path, strict(), owner, max_epochs=5).fit(Tiny())

    left = look(tmp_path)

    assert left.each("training.epoch") == {"best.ckpt": 4}
    assert left.each("metrics.hmean") == {"best.ckpt": HMEANS[4]}


def test_a_folder_in_the_name(tmp_path: Path) -> None:
    """A `/` in a metric's name makes a folder, and the sidecar lies in it."""
    owner = by_hmean(tmp_path, filename="{val/hmean:.4f}-best")
    make_trainer(tmp_path, strict(), owner).fit(Tiny())

    assert look(tmp_path).names == {"val/hmean=0.7500-best.ckpt"}


@pytest.mark.parametrize("count", [2, 3])
def test_several_model_checkpoints(tmp_path: Path, count: int) -> None:
    """Each ModelCheckpoint's files have its own monitor, mode, score and rank."""
    owners = [
        by_hmean(tmp_path / "hmean"),
        by_hmean(tmp_path / "loss", monitor="val/loss", mode="min"),
        by_hmean(tmp_path / "worst", mode="min"),
    ]
    make_trainer(tmp_path, strict(), *owners[:count]).fit(Tiny())

    left = look(tmp_path)
    choices = {
        name: (left.at(name, "checkpointing.monitor"), left.at(name, "checkpointing.score"))
        for name in left.names
    }

    expected = {
        "hmean/epoch=2.ckpt": ("val/hmean", 0.75),
        "loss/epoch=2.ckpt": ("val/loss", 0.25),
        "worst/epoch=1.ckpt": ("val/hmean", 0.25),
    }
    assert choices == dict([*expected.items()][:count])
    assert set(left.each("checkpointing.best").values()) == {True}


def test_nothing_to_monitor_yet(tmp_path: Path) -> None:
    """Without validation there are no validation metrics, and the sidecar is there."""
    make_trainer(tmp_path, strict(), ModelCheckpoint(tmp_path), limit_val_batches=0).fit(Tiny())

    left = look(tmp_path)

    assert left.each("metrics.hmean") == {"epoch=2-step=12.ckpt": None}


def test_fast_dev_run(tmp_path: Path) -> None:
    """Nothing is written in a dry run."""
    make_trainer(tmp_path, strict(), ModelCheckpoint(tmp_path), fast_dev_run=True).fit(Tiny())

    assert [*tmp_path.rglob("*")] == []
