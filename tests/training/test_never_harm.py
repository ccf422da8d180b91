from __future__ import annotations

import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from checkpoint_meta import MetadataCallback
from checkpoint_meta.errors import WriteError
from tests.training.tiny import HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.train


def broken(trainer: object) -> Mapping[str, object]:
    """Fail as a user's function does."""
    raise LookupError(trainer.__class__.__name__)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return our own warnings."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("checkpoint_meta") and record.levelno >= logging.WARNING
    ]


def test_a_fault_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However often a fault comes, it is one line of the log, and training ends as it should."""
    owner = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1)
    trainer = make_trainer(tmp_path, MetadataCallback(extra=broken), owner)
    trainer.fit(Tiny())

    (line,) = warnings_of(caplog)
    assert line == ("writing a sidecar failed; training goes on without it (LookupError: Trainer)")
    assert len([*tmp_path.glob("*.ckpt")]) == 3


def test_a_place_that_refuses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A sidecar that cannot be written costs itself; the others are written."""
    (tmp_path / "epoch=1.metadata.yaml").mkdir(parents=True)
    owner = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1)
    make_trainer(tmp_path, MetadataCallback(), owner).fit(Tiny())

    assert len(warnings_of(caplog)) == 1
    assert sorted(path.name for path in tmp_path.glob("*.metadata.yaml") if path.is_file()) == [
        "epoch=0.metadata.yaml",
        "epoch=2.metadata.yaml",
    ]
    assert not [*tmp_path.glob("*.partial")]


@pytest.mark.parametrize("text", ["a: [", "just text", "schema_version: '9.9'", "\0"])
def test_a_broken_sidecar_that_stands_there(tmp_path: Path, text: str) -> None:
    """What cannot be read is replaced."""
    (tmp_path / "x.metadata.yaml").write_text(text)
    make_trainer(tmp_path, MetadataCallback(strict=True), ModelCheckpoint(tmp_path, "x")).fit(
        Tiny()
    )

    assert look(tmp_path).each("metrics.hmean") == {"x.ckpt": HMEANS[2]}


def test_strict(tmp_path: Path) -> None:
    """With `strict` the fault is raised, which is for tests."""
    (tmp_path / "epoch=0.metadata.yaml").mkdir(parents=True)
    owner = ModelCheckpoint(tmp_path, "{epoch}")
    with pytest.raises((WriteError, IsADirectoryError)):
        make_trainer(tmp_path, MetadataCallback(strict=True), owner).fit(Tiny())


def test_no_state_in_the_checkpoint(tmp_path: Path) -> None:
    """The checkpoint is, key by key, what it is without the callback."""
    keys = []
    for name, callbacks in (("with", [MetadataCallback(strict=True)]), ("without", [])):
        owner = ModelCheckpoint(tmp_path / name, "x")
        make_trainer(tmp_path, *callbacks, owner, max_epochs=1).fit(Tiny())
        contents = torch.load(tmp_path / name / "x.ckpt", weights_only=False)
        keys.append((set(contents), set(contents["callbacks"])))

    assert keys[0] == keys[1]


def test_training_is_the_same(tmp_path: Path) -> None:
    """Weights and logged metrics come out bit for bit as without the callback."""
    outcomes = []
    for callbacks in ([MetadataCallback(strict=True)], []):
        torch.manual_seed(0)
        model = Tiny()
        trainer = make_trainer(tmp_path, *callbacks, ModelCheckpoint(tmp_path / "c", "x"))
        trainer.fit(model)
        weights = torch.cat([one.detach().flatten() for one in model.parameters()])
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        outcomes.append((weights.tolist(), metrics))

    assert outcomes[0] == outcomes[1]


def test_the_same_callback_in_several_fits(tmp_path: Path) -> None:
    """Each save is heard once, however often `setup` is called, and by the right Trainer."""
    saves: list[object] = []

    def count(trainer: object) -> Mapping[str, object]:
        saves.append(trainer)
        return {}

    callback = MetadataCallback(strict=True, extra=count)
    for name in ("a", "b"):
        trainer = make_trainer(tmp_path, callback, ModelCheckpoint(tmp_path / name, "x"))
        for epochs in (1, 2):
            trainer.fit_loop.max_epochs = epochs
            trainer.fit(Tiny())
        trainer.validate(Tiny(), verbose=False)

    assert len(saves) == 4
    assert look(tmp_path).each("training.epoch") == {"a/x.ckpt": 1, "b/x.ckpt": 1}


def test_two_metadata_callbacks(tmp_path: Path) -> None:
    """Two callbacks write the same sidecar twice, and nothing breaks."""
    callbacks = [MetadataCallback(strict=True), MetadataCallback(strict=True)]
    make_trainer(tmp_path, *callbacks, ModelCheckpoint(tmp_path, "x")).fit(Tiny())

    assert look(tmp_path).each("metrics.hmean") == {"x.ckpt": HMEANS[2]}


class DeletesFromAThread(Callback):
    """Deletes each checkpoint in a thread of its own, while training goes on."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        """Save, and delete."""
        path = f"{trainer.default_root_dir}/{trainer.global_step}.ckpt"
        trainer.save_checkpoint(path)
        thread = threading.Thread(target=trainer.strategy.remove_checkpoint, args=(path,))
        thread.start()
        self.threads.append(thread)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait."""
        del trainer, pl_module
        for thread in self.threads:
            thread.join()


def test_removal_from_threads(tmp_path: Path) -> None:
    """No sidecar outlives a checkpoint that another thread removes."""
    make_trainer(tmp_path, DeletesFromAThread(), MetadataCallback(strict=True)).fit(Tiny())

    assert look(tmp_path).names == {"checkpoints/epoch=2-step=12.ckpt"}


def test_names_that_lightning_counts(tmp_path: Path) -> None:
    """No file of ours, even for a moment, has a name that Lightning takes a number from."""
    seen: set[str] = set()

    def watch(trainer: object) -> Mapping[str, object]:
        del trainer
        seen.update(path.name for path in tmp_path.rglob("*"))
        return {}

    owner = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1, save_last="link")
    make_trainer(tmp_path, MetadataCallback(strict=True, extra=watch), owner).fit(Tiny())
    seen.update(path.name for path in tmp_path.rglob("*"))

    ours = {name for name in seen if not name.endswith((".ckpt", ".metadata.yaml"))}
    assert ours == set()


IMPORTS = """
import sys
import lightning.pytorch
before = {name.partition(".")[0] for name in sys.modules}
from checkpoint_meta import MetadataCallback
MetadataCallback()
after = {name.partition(".")[0] for name in sys.modules}
print(*sorted(after - before))
"""


def test_what_the_callback_imports() -> None:
    """Beside Lightning nothing heavy is imported."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORTS], capture_output=True, text=True, check=True
    )

    assert not {"wandb", "hydra", "omegaconf", "pytorch_lightning", "pandas", "rich", "typer"} & {
        *done.stdout.split()
    }
