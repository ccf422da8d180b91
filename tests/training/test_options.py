from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from checkpoint_meta import MetadataCallback
from checkpoint_meta.errors import DocumentError, ReadError
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.store import read_sidecar
from checkpoint_meta.training import Facts, Options, write_sidecar
from tests.training.tiny import HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning.pytorch import Trainer

    from tests.training.tiny import Left

pytestmark = pytest.mark.train


def train(folder: Path, callback: MetadataCallback, **options: object) -> Left:
    """Return what three epochs leave in `run/checkpoints`."""
    checkpoints = folder / "run" / "checkpoints"
    settings = {"monitor": "val/hmean", "mode": "max", "save_top_k": 2} | options
    owner = ModelCheckpoint(checkpoints, "{epoch}", **settings)  # type: ignore[arg-type]
    make_trainer(folder, callback, owner).fit(Tiny())
    return look(checkpoints)


def test_exp_name_and_training_phase(tmp_path: Path) -> None:
    """Both are written as they are given."""
    callback = MetadataCallback("mine", training_phase="finetuning", strict=True)
    left = train(tmp_path, callback)

    assert set(left.each("exp_name").values()) == {"mine"}
    assert set(left.each("training.training_phase").values()) == {"finetuning"}


def test_without_options(tmp_path: Path) -> None:
    """The experiment is named after the run's folder, and training is training."""
    left = train(tmp_path, MetadataCallback(strict=True))

    assert set(left.each("exp_name").values()) == {"run"}
    assert set(left.each("training.training_phase").values()) == {"training"}


def test_schema_1_0(tmp_path: Path) -> None:
    """Readers that know 1.0 alone get valid 1.0, with paths relative to the outputs folder."""
    callback = MetadataCallback(outputs_dir=tmp_path, schema_version="1.0", strict=True)
    left = train(tmp_path, callback)

    document = left.documents["epoch=2.ckpt"]
    assert document["schema_version"] == "1.0"
    assert document["checkpoint_path"] == "run/checkpoints/epoch=2.ckpt"
    assert left.at("epoch=2.ckpt", "metrics.hmean") == HMEANS[2]
    assert left.at("epoch=2.ckpt", "model.architecture") == "unknown"
    assert left.at("epoch=0.ckpt", "checkpointing.best") is False


def test_schema_1_0_without_a_mode(tmp_path: Path) -> None:
    """A save that no ModelCheckpoint chose cannot be written as 1.0, and says why."""
    callback = MetadataCallback(schema_version="1.0", strict=True)
    trainer = make_trainer(tmp_path, callback, enable_checkpointing=False, max_epochs=1)
    trainer.fit(Tiny())

    with pytest.raises(DocumentError, match=r"checkpointing\.mode"):
        trainer.save_checkpoint(tmp_path / "x.ckpt")


def test_sidecar_dir(tmp_path: Path) -> None:
    """Nothing is written beside the checkpoints; the mirror is pruned as they are."""
    mirror = tmp_path / "mirror"
    callback = MetadataCallback(outputs_dir=tmp_path, sidecar_dir=mirror, strict=True)
    owner = ModelCheckpoint(
        tmp_path / "run", "{epoch}", "val/hmean", mode="max", save_top_k=1, save_last="link"
    )
    make_trainer(tmp_path, callback, owner).fit(Tiny())

    assert {path.suffix for path in (tmp_path / "run").iterdir()} == {".ckpt"}
    assert sorted(path.name for path in (mirror / "run").iterdir()) == [
        "epoch=2.metadata.yaml",
        "last.metadata.yaml",
    ]
    document = read_sidecar(mirror / "run" / "last.metadata.yaml")
    assert document["checkpoint_path"] == "../../run/epoch=2.ckpt"


def test_metrics(tmp_path: Path) -> None:
    """An alias says which logged metric stands for a field."""
    left = train(tmp_path, MetadataCallback(metrics={"recall": "val/hmean"}, strict=True))

    assert left.at("epoch=2.ckpt", "metrics.recall") == HMEANS[2]


def test_extra_mapping(tmp_path: Path) -> None:
    """Fields of the user's own stand beside ours, with secrets masked."""
    extra = {"team": "ocr", "data": {"version": 3, "token": "abc"}, "model": {"architecture": "x"}}
    left = train(tmp_path, MetadataCallback(extra=extra, strict=True))

    assert left.at("epoch=2.ckpt", "team") == "ocr"
    assert left.at("epoch=2.ckpt", "data") == {"version": 3, "token": "***"}
    assert left.at("epoch=2.ckpt", "model.architecture") == "x"


def test_extra_function(tmp_path: Path) -> None:
    """A function is given the Trainer, at each save."""

    def extra(trainer: Trainer) -> Mapping[str, object]:
        return {"lr": trainer.optimizers[0].param_groups[0]["lr"], "epoch": trainer.current_epoch}

    left = train(tmp_path, MetadataCallback(extra=extra, strict=True))

    assert left.at("epoch=2.ckpt", "lr") == 0.01
    assert left.each("epoch") == {"epoch=0.ckpt": 0, "epoch=2.ckpt": 2}


def test_extra_that_the_schema_refuses(tmp_path: Path) -> None:
    """A value that a known field cannot have is left out, and the sidecar is valid."""
    left = train(tmp_path, MetadataCallback(extra={"training": {"max_epochs": "many"}}))

    assert left.at("epoch=2.ckpt", "training.epoch") == 2
    assert left.at("epoch=2.ckpt", "training.max_epochs") is None


def test_write_sidecar(tmp_path: Path) -> None:
    """A loop of one's own describes a checkpoint that it has written."""
    checkpoint = tmp_path / "best.pt"
    checkpoint.write_bytes(b"weights")
    facts = Facts(
        epoch=3,
        global_step=40,
        metrics={"val/hmean": 0.75},
        monitor="val/hmean",
        mode="max",
        hyperparameters={"lr": 0.1, "api_key": "abc"},
        model=Tiny(),
    )
    write_sidecar(checkpoint, facts, Options(exp_name="mine"))

    document = read_sidecar(tmp_path / "best.metadata.yaml")
    assert check_document(document) == []
    assert document["exp_name"] == "mine"
    assert document["metrics"] == {"hmean": 0.75, "additional_metrics": {"val/hmean": 0.75}}
    assert document["hyperparameters"] == {"lr": 0.1, "api_key": "***"}


def test_write_sidecar_without_checkpoint(tmp_path: Path) -> None:
    """A checkpoint that is not there is not described."""
    with pytest.raises(ReadError, match="no such checkpoint"):
        write_sidecar(tmp_path / "best.pt", Facts())
    assert [*Path(tmp_path).iterdir()] == []
