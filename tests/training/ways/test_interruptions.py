from __future__ import annotations

import inspect
import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint

from checkpoint_meta import MetadataCallback
from tests.training.tiny import HMEANS, Tiny, look, make_trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import torch
    from lightning.pytorch import Trainer

pytestmark = pytest.mark.train


class Interrupted(Tiny):
    """Does something at the third batch of the second epoch, once."""

    def __init__(self, what: Callable[[], None]) -> None:
        super().__init__()
        self.what = what

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Train, and be interrupted."""
        if self.trainer.global_step == 6:
            what, self.what = self.what, lambda: None
            what()
        return super().training_step(batch, batch_idx)


def fail() -> None:
    """Fail as user code does."""
    msg = "the data is broken"
    raise ValueError(msg)


def interrupt() -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


needs_save_on_exception = pytest.mark.skipif(
    "save_on_exception" not in inspect.signature(ModelCheckpoint).parameters,
    reason="this Lightning has no save_on_exception",
)


@needs_save_on_exception
def test_save_on_exception(tmp_path: Path) -> None:
    """What ModelCheckpoint saves on an exception has the last step's metrics, and its monitor."""
    owner = ModelCheckpoint(
        tmp_path, "{epoch}-{step}", "val/hmean", mode="max", save_on_exception=True
    )
    trainer = make_trainer(tmp_path, MetadataCallback(strict=True), owner)
    with pytest.raises(ValueError, match="the data is broken"):
        trainer.fit(Interrupted(fail))

    left = look(tmp_path)

    assert left.at("epoch=1-step=6.ckpt", "checkpointing.monitor") == "val/hmean"
    assert left.at("epoch=1-step=6.ckpt", "checkpointing.best") is False
    assert left.at("epoch=1-step=6.ckpt", "metrics.hmean") is None
    assert left.at("epoch=1-step=6.ckpt", "last_validation.metrics.val/hmean") == HMEANS[0]
    assert left.logged("epoch=1-step=6.ckpt") == {"train_loss": 2.0, "train_loss_step": 2.0}


@pytest.fixture
def _keyboard() -> Iterator[None]:
    """Have Ctrl-C work, also where the tests run in the background; Lightning turns it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@needs_save_on_exception
@pytest.mark.usefixtures("_keyboard")
def test_ctrl_c(tmp_path: Path) -> None:
    """What is saved on Ctrl-C has its sidecar."""
    owner = ModelCheckpoint(tmp_path, "{epoch}-{step}", save_on_exception=True, save_top_k=0)
    trainer = make_trainer(tmp_path, MetadataCallback(strict=True), owner)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trainer.fit(Interrupted(interrupt))

    assert look(tmp_path).names == {"epoch=1-step=6.ckpt"}


@pytest.mark.filterwarnings("ignore:`.fit.ckpt_path=None.` was called without a model")
@pytest.mark.filterwarnings("ignore:.fit.ckpt_path=.last.. is set, but there is no last")
@pytest.mark.filterwarnings("ignore:You.re resuming from a checkpoint that ended before")
def test_on_exception_checkpoint(tmp_path: Path) -> None:
    """OnExceptionCheckpoint's file has a sidecar, which goes when a later run removes the file."""
    rescue = OnExceptionCheckpoint(tmp_path)
    with pytest.raises(ValueError, match="the data is broken"):
        make_trainer(tmp_path, rescue, MetadataCallback(strict=True)).fit(Interrupted(fail))
    rescued = look(tmp_path).names
    make_trainer(tmp_path, rescue, MetadataCallback(strict=True)).fit(Tiny())

    assert rescued == {"on_exception.ckpt"}
    assert look(tmp_path).names == set()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a job that believes in SLURM."""
    names = {"JOB_ID": "1", "JOB_NAME": "train", "NTASKS": "1", "PROCID": "0", "LOCALID": "0"}
    for name, value in (names | {"NODEID": "0", "JOB_NODELIST": "localhost"}).items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    requeue = tmp_path / "bin" / "scontrol"
    requeue.parent.mkdir()
    requeue.write_text("#!/bin/sh\n")
    requeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{requeue.parent}:{os.environ['PATH']}")
    return tmp_path / "job"


def preempt() -> None:
    """Send the signal that SLURM sends before it takes the machine away."""
    os.kill(os.getpid(), signal.SIGUSR1)


def slurm_trainer(folder: Path, callback: MetadataCallback, **options: object) -> Trainer:
    """Return a Trainer that requeues itself."""
    plugins = [SLURMEnvironment(auto_requeue=True)]
    return make_trainer(
        folder, callback, ModelCheckpoint(folder / "c"), plugins=plugins, max_epochs=2, **options
    )


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before")
def test_slurm_signal(slurm: Path) -> None:
    """The checkpoint for the requeued job has its sidecar, and keeps Lightning's numbering."""
    for _ in range(2):
        trainer = slurm_trainer(slurm, MetadataCallback(strict=True))
        trainer.fit(Interrupted(preempt))

    assert look(slurm).names >= {"hpc_ckpt_1.ckpt", "hpc_ckpt_2.ckpt"}


def test_slurm_signal_inside_our_own_save(slurm: Path) -> None:
    """A signal that interrupts our own work leaves both checkpoints with their sidecars."""
    signals = [preempt]

    def extra(trainer: object) -> dict[str, str]:
        del trainer
        if signals:
            signals.pop()()
        return {"note": "interrupted"}

    trainer = slurm_trainer(slurm, MetadataCallback(strict=True, extra=extra))
    trainer.fit(Tiny())

    left = look(slurm)

    assert left.names == {"hpc_ckpt_1.ckpt", "c/epoch=1-step=8.ckpt"}
    assert set(left.each("note").values()) == {"interrupted"}


class PreemptOnce(logging.Handler):
    """Sends the signal at our first note, which comes while a sidecar is being written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send it once."""
        del record
        logging.getLogger("checkpoint_meta.training").removeHandler(self)
        preempt()


def test_slurm_signal_while_a_sidecar_is_written(
    slurm: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A signal in the midst of our writing is served there and then, and blocks nothing."""
    caplog.set_level(logging.INFO)
    (slurm / ".hydra").mkdir(parents=True)
    (slurm / ".hydra" / "config.yaml").write_text("broken: [")
    logging.getLogger("checkpoint_meta.training").addHandler(PreemptOnce())

    slurm_trainer(slurm, MetadataCallback(strict=True)).fit(Tiny())

    assert look(slurm).names == {"hpc_ckpt_1.ckpt", "c/epoch=1-step=8.ckpt"}
