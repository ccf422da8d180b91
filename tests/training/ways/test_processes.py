from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar
from tests.training.tiny import HMEANS, look

pytestmark = pytest.mark.train

JOBS = Path(__file__).parents[1] / "jobs"
ROOT = Path(__file__).parents[3]


def run(job: str, *arguments: str | Path) -> None:
    """Run a job in a process of its own, which must end by itself."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", JOBS / job, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_two_processes(tmp_path: Path, strategy: str) -> None:
    """With DDP and ddp_spawn one process writes, and all read the metrics that need all."""
    run("several_processes.py", strategy, tmp_path)

    left = look(tmp_path)

    assert left.names == {"mine.ckpt", "epoch=2.ckpt"}
    assert left.logged("epoch=2.ckpt")["val/batches"] == 4
    assert left.logged("epoch=2.ckpt")["val/rank"] == 0.5
    assert len([*tmp_path.glob("wrote.*")]) == 1


def test_two_processes_and_a_fault_in_one(tmp_path: Path) -> None:
    """A fault of ours in the process that writes keeps no other process waiting."""
    run("several_processes.py", "ddp", tmp_path, "broken")

    assert len([*tmp_path.glob("*.ckpt")]) == 2
    assert [*tmp_path.glob("*.metadata.yaml")] == []


def test_fsdp2_sharded_folder(tmp_path: Path) -> None:
    """A checkpoint in parts has one sidecar beside its folder, with the size of the whole model."""
    run("several_processes.py", "fsdp2", tmp_path)

    document = read_sidecar(tmp_path / "epoch=2.metadata.yaml")

    assert sorted(path.name for path in tmp_path.glob("*.metadata.yaml")) == [
        "epoch=2.metadata.yaml",
        "mine.metadata.yaml",
    ]
    assert (tmp_path / "epoch=2.ckpt").is_dir()
    contents = read_checkpoint_file(tmp_path / "epoch=2.ckpt")
    assert look_up(document, ("checkpoint", "format")) == contents.format == "fsdp"
    assert look_up(document, ("checkpoint", "size_bytes")) == contents.size_bytes
    assert look_up(document, ("checkpoint", "mtime_ns")) == contents.mtime_ns
    assert look_up(document, ("checkpoint", "fingerprint")) == contents.fingerprint
    assert look_up(document, ("model", "parameters", "count")) == 3
    assert look_up(document, ("metrics", "hmean")) == HMEANS[2]


def test_pytorch_lightning(tmp_path: Path) -> None:
    """The package under its older name is served without importing the newer one."""
    run("other_package.py", tmp_path)

    left = look(tmp_path)

    assert left.each("metrics.hmean") == {"epoch=0.ckpt": 0.5, "last.ckpt": 0.5}
