from __future__ import annotations

import sys
from dataclasses import replace
from subprocess import run
from typing import TYPE_CHECKING

import pytest
import torch

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint, read_checkpoint_file
from checkpoint_meta.readers.fingerprint import read_fingerprint

if TYPE_CHECKING:
    from pathlib import Path


def _lightning(**extra: object) -> dict[str, object]:
    """Return what Lightning saves for a module of one layer."""
    layer = torch.nn.Linear(3, 2)
    return {
        "epoch": 12,
        "global_step": 340,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": layer.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{}": {"best_model_score": torch.tensor(0.75)}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(7.0)}}}],
        "lr_schedulers": [],
        **extra,
    }


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Return a checkpoint as Lightning writes it."""
    path = tmp_path / "last.ckpt"
    torch.save(_lightning(cleval_metrics={"hmean": torch.tensor(0.5)}), path)
    return path


def test_what_lightning_saves_is_told(checkpoint: Path) -> None:
    """Epoch, step, version, callbacks, loops and custom keys are read, 0-dim tensors as numbers."""
    contents = read_checkpoint_file(checkpoint)

    assert contents.format == "torch-zip"
    assert (contents.epoch, contents.global_step) == (12, 340)
    assert contents.lightning_version == "2.6.6"
    assert contents.callbacks == {"ModelCheckpoint{}": {"best_model_score": 0.75}}
    assert contents.loops == {"fit_loop": {"state_dict": {}}}
    assert contents.custom == {"cleval_metrics": {"hmean": 0.5}}
    assert contents.weights_only is False
    assert contents.problems == ()


def test_tensors_are_named_but_not_read(checkpoint: Path) -> None:
    """Names, shapes, dtypes and sums of the state dict are read."""
    contents = read_checkpoint_file(checkpoint)

    assert [(t.name, t.shape, t.dtype) for t in contents.tensors] == [
        ("weight", (2, 3), "float32"),
        ("bias", (2,), "float32"),
    ]
    assert (contents.parameter_count, contents.parameter_bytes) == (8, 32)
    assert contents.dtypes == {"float32": 8}
    assert all(t.crc == contents.storage_crcs[t.storage or ""] for t in contents.tensors)


def test_size_and_time_are_those_of_the_file(checkpoint: Path) -> None:
    """Size and modification time are what `stat` says."""
    contents = read_checkpoint_file(checkpoint)

    assert contents.size_bytes == checkpoint.stat().st_size
    assert contents.mtime_ns == checkpoint.stat().st_mtime_ns


def test_a_stream_tells_the_same_as_its_file(checkpoint: Path) -> None:
    """A stream has no time of modification; everything else is equal."""
    with checkpoint.open("rb") as stream:
        contents = read_checkpoint(stream, checkpoint)

    assert replace(read_checkpoint_file(checkpoint), mtime_ns=0) == contents


def test_the_fingerprint_alone_is_the_same(checkpoint: Path) -> None:
    """`read_fingerprint` returns what the whole reader returns."""
    assert read_fingerprint(checkpoint) == read_checkpoint_file(checkpoint).fingerprint


def test_the_globals_of_a_load_are_listed(checkpoint: Path) -> None:
    """Everything that `torch.load` would look up is named, in order of appearance."""
    assert read_checkpoint_file(checkpoint).globals == (
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch.FloatStorage",
    )


def test_weights_only_has_no_optimizer(tmp_path: Path) -> None:
    """Lightning's `save_weights_only` leaves out optimizers and callbacks."""
    saved = _lightning()
    del saved["optimizer_states"], saved["callbacks"], saved["lr_schedulers"]
    torch.save(saved, tmp_path / "w.ckpt")

    assert read_checkpoint_file(tmp_path / "w.ckpt").weights_only is True


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    """The error names the file and what is wrong."""
    with pytest.raises(ReadError, match=r"none\.ckpt: cannot be opened \(No such file"):
        read_checkpoint_file(tmp_path / "none.ckpt")


@pytest.mark.usefixtures("unmeasured")
def test_heavy_modules_stay_out() -> None:
    """Reading needs neither torch, numpy, omegaconf nor pickle."""
    code = (
        "import sys, checkpoint_meta.readers.checkpoint, checkpoint_meta.readers.fingerprint;"
        "print({'torch', 'numpy', 'omegaconf', 'pickle', 'pickletools', 'zipfile', 'pydantic',"
        " 'rich', 'fsspec'} & set(sys.modules))"
    )

    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
