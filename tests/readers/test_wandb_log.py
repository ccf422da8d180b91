from __future__ import annotations

import base64
import hashlib
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.wandb_log import read_wandb_log

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT: Final = """
import sys
import wandb
run = wandb.init(
    project="ocr", entity="team", id="1a2b3c4d", mode="offline", dir=sys.argv[1],
    config={"lr": 0.1, "trainer": {"max_epochs": 3}},
)
run.log({"train_loss": 0.5, "epoch": 0, "trainer/global_step": 9})
run.log({"val/hmean": 0.75, "val_loss": float("nan"), "epoch": 0, "trainer/global_step": 9})
run.log({"by hand": 1.0})
run.log({"nested": {"iou": 0.5}, "x" * 300: 2.0, "epoch": 1, "trainer/global_step": 19})
for step in range(20, 1500):
    run.log({"train_loss": 1 / step, "epoch": 2, "trainer/global_step": step})
with open(sys.argv[1] + "/weights.ckpt", "wb") as stream:
    stream.write(b"weights")
artifact = wandb.Artifact("model-1a2b3c4d", "model", metadata={"score": 0.75})
artifact.add_file(sys.argv[1] + "/weights.ckpt", name="model.ckpt")
run.log_artifact(artifact)
run.finish()
"""


@pytest.fixture(scope="session")
def wandb_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the real client wrote of an offline run."""
    folder = tmp_path_factory.mktemp("wandb-run")
    environment = {"WANDB_SILENT": "true", "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], env=environment, check=True)
    (found,) = folder.glob("wandb/offline-run-*/run-1a2b3c4d.wandb")
    return found


def test_the_run_says_who_it_is(wandb_log: Path) -> None:
    """Run id, entity, project and configuration stand in the file, offline too."""
    run = read_wandb_log(wandb_log)

    assert (run.run_id, run.entity, run.project) == ("1a2b3c4d", "team", "ocr")
    assert run.config["lr"] == 0.1
    assert run.config["trainer"] == {"max_epochs": 3}
    assert run.started is not None


def test_rows_by_lightnings_step(wandb_log: Path) -> None:
    """Rows stand at `trainer/global_step`; those without one, and W&B's own names, do not."""
    history = read_wandb_log(wandb_log).history

    training, validation = history.rows_at(9)

    assert training == {"epoch": 0.0, "train_loss": 0.5}
    assert validation["val/hmean"] == 0.75
    assert math.isnan(validation["val_loss"])
    assert list(history.rows_at(19)) == [{"epoch": 1.0, "nested.iou": 0.5, "x" * 300: 2.0}]
    assert len(history) == 3 + 1480


def test_records_in_several_parts_are_whole(wandb_log: Path) -> None:
    """A record may begin in one block of 32 KiB and end in the next."""
    history = read_wandb_log(wandb_log).history

    assert wandb_log.stat().st_size > 3 * 32768
    assert [row["train_loss"] for row in history.rows_at(1499)] == [1 / 1499]


def test_an_artifacts_files_have_their_digests(wandb_log: Path) -> None:
    """The MD5 of a checkpoint that was logged tells the run that it belongs to."""
    (file,) = read_wandb_log(wandb_log).files

    digest = hashlib.md5(b"weights", usedforsecurity=False).digest()

    assert (file.path, file.size_bytes) == ("model.ckpt", 7)
    assert file.digest == base64.b64encode(digest).decode()
    assert file.metadata == {"score": 0.75}


def test_a_cut_off_tail_ends_the_rows(wandb_log: Path, tmp_path: Path) -> None:
    """A run that was killed keeps what it had written."""
    cut = tmp_path / "run-1a2b3c4d.wandb"
    cut.write_bytes(wandb_log.read_bytes()[:50_001])

    history = read_wandb_log(cut).history

    assert 100 < len(history) < 1483
    assert len(list(history.rows_at(9))) == 2


def test_no_log_is_one_error(tmp_path: Path) -> None:
    """A file that begins otherwise is a ReadError."""
    path = tmp_path / "run-x.wandb"
    path.write_bytes(b"something else")

    with pytest.raises(ReadError, match="not a W&B log"):
        read_wandb_log(path)
