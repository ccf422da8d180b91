from __future__ import annotations

import os
import shutil
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from tests.readers.conftest import LAYER, saved_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _names(path: Path) -> list[tuple[str, tuple[int, ...], str]]:
    return [(t.name, t.shape, t.dtype) for t in read_checkpoint_file(path).tensors]


def test_legacy_pickles(tmp_path: Path) -> None:
    """The format before torch 1.6 tells the same, 0-dim values included."""
    path = tmp_path / "old.ckpt"
    torch.save(saved_layer(), path, _use_new_zipfile_serialization=False)

    contents = read_checkpoint_file(path)

    assert contents.format == "torch-legacy"
    assert (contents.epoch, contents.global_step, contents.incomplete) == (3, 40, False)
    assert contents.custom == {"metrics": {"hmean": 0.25, "view": 4}}
    assert _names(path) == LAYER


def test_a_legacy_pickle_larger_than_the_first_window(tmp_path: Path) -> None:
    """A pickle of any length is read to its end."""
    path = tmp_path / "old.ckpt"
    torch.save(saved_layer(notes="n" * 300_000), path, _use_new_zipfile_serialization=False)

    assert len(str(read_checkpoint_file(path).custom["notes"])) == 300_000


def test_safetensors(tmp_path: Path) -> None:
    """Names, shapes, dtypes and notes stand in the header."""
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(2, 3, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})

    contents = read_checkpoint_file(path)

    assert contents.format == "safetensors"
    assert _names(path) == [("w", (2, 3), "bfloat16")]
    assert contents.custom == {"format": "pt"}
    assert (contents.parameter_count, contents.parameter_bytes) == (6, 12)
    assert contents.incomplete is False


def test_a_distributed_checkpoint(tmp_path: Path) -> None:
    """The shards of a DCP folder stay closed; `.metadata` names the model's tensors."""
    folder = tmp_path / "step_10"
    with pytest.warns(UserWarning, match="single process"):
        save_distributed(
            {"model": torch.nn.Linear(3, 2).state_dict(), "optim": {"s": torch.zeros(4)}},
            checkpoint_id=folder,
            no_dist=True,
        )

    contents = read_checkpoint_file(folder)

    assert contents.format == "dcp"
    assert sorted(_names(folder)) == sorted(LAYER)
    assert contents.weights_only is False
    assert contents.size_bytes == sum(f.stat().st_size for f in folder.iterdir())


def test_lightnings_sharded_folder(tmp_path: Path) -> None:
    """FSDP: `meta.pt` tells of the training, `.metadata` of the weights."""
    folder = tmp_path / "last.ckpt"
    weights = {"model": torch.nn.Linear(3, 2).state_dict(), "optimizer_0": {"s": torch.zeros(2)}}
    with pytest.warns(UserWarning, match="single process"):
        save_distributed(weights, checkpoint_id=folder, no_dist=True)
    rest = saved_layer()
    del rest["state_dict"]
    torch.save(rest, folder / "meta.pt")

    contents = read_checkpoint_file(folder)

    assert contents.format == "fsdp"
    assert (contents.epoch, contents.weights_only) == (3, False)
    assert sorted(_names(folder)) == sorted(LAYER)
    assert contents.parameter_count == 8


def test_a_sharded_folder_without_its_index(tmp_path: Path) -> None:
    """Without `.metadata` the rest is told, and that it is incomplete."""
    folder = tmp_path / "last.ckpt"
    folder.mkdir()
    torch.save(saved_layer(), folder / "meta.pt")

    contents = read_checkpoint_file(folder)

    assert (contents.epoch, contents.incomplete) == (3, True)
    assert contents.problems == ("its .metadata is missing",)


def test_deepspeed(tmp_path: Path) -> None:
    """`latest` names the folder; from stage 3 on `param_shapes` has the shapes."""
    folder = tmp_path / "last.ckpt"
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "latest").write_text("checkpoint")
    module = {"w": torch.zeros(0, dtype=torch.float16)}
    shapes = [{"w": torch.Size([5, 4])}]
    saved = {"module": module, "param_shapes": shapes, "optimizer": None, **saved_layer()}
    del saved["state_dict"]
    torch.save(saved, folder / "checkpoint" / "mp_rank_00_model_states.pt")

    contents = read_checkpoint_file(folder)

    assert contents.format == "deepspeed"
    assert (contents.epoch, contents.weights_only) == (3, False)
    assert _names(folder) == [("w", (5, 4), "float16")]
    assert contents.parameter_count == 20


def test_a_plain_state_dict(tmp_path: Path) -> None:
    """A file of tensors only is a state dict itself."""
    path = tmp_path / "weights.pth"
    torch.save(torch.nn.Linear(3, 2).state_dict(), path)

    assert _names(path) == LAYER
    assert read_checkpoint_file(path).custom == {}


def test_a_whole_module(tmp_path: Path) -> None:
    """A pickled module tells what its `state_dict()` would hold."""
    path = tmp_path / "module.pt"
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(module, path)

    expected = [(k, tuple(v.shape), str(v.dtype)[6:]) for k, v in module.state_dict().items()]
    assert _names(path) == expected


def test_tied_tensors_count_once(tmp_path: Path) -> None:
    """Two names of one tensor count once; two views of one storage count both."""
    path = tmp_path / "tied.pt"
    base = torch.zeros(10)
    torch.save({"a": base[:4], "b": base[:4], "c": base[4:]}, path)

    contents = read_checkpoint_file(path)

    assert len(contents.tensors) == 3
    assert contents.parameter_count == 10


def _torchscript(path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="jit"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))


NOT_CHECKPOINTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "an empty file"),
    "lfs": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "a Git LFS pointer",
    ),
    "html": (lambda path: path.write_text("\n<!DOCTYPE html><title>404</title>"), "a web page"),
    "fifo": (os.mkfifo, "a FIFO"),
    "torchscript": (_torchscript, "a TorchScript archive"),
    "tar": (_tar, "a tar archive"),
    "gzip": (lambda path: path.write_bytes(b"\x1f\x8b\x08"), "a gzip file"),
    "zeros": (lambda path: path.write_bytes(bytes(999)), "a file of zeros"),
    "text": (lambda path: path.write_text("hello"), "not a checkpoint of a known format"),
    "folder": (lambda path: path.mkdir(), "a folder, but not a checkpoint"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04K\x01."), "a pickle, but not one that"),
}


@pytest.mark.parametrize("kind", NOT_CHECKPOINTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_not_a_checkpoint_is_named(tmp_path: Path, kind: str) -> None:
    """One clear line says what the file is instead."""
    make, sentence = NOT_CHECKPOINTS[kind]
    path = tmp_path / "x.ckpt"
    make(path)

    with pytest.raises(ReadError, match=sentence) as caught:
        read_checkpoint_file(path)

    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_no_permission_is_named(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file that may not be read says so."""
    path = tmp_path / "x.ckpt"
    path.touch(mode=0)
    request.getfixturevalue("unprivileged")

    with pytest.raises(ReadError, match="Permission denied"):
        read_checkpoint_file(path)


def _read_often(path: Path) -> None:
    for _ in range(1000):
        read_checkpoint_file(path)


def test_a_change_while_reading_is_reported(tmp_path: Path) -> None:
    """A file that is written to while it is read is refused, not mixed."""
    path = tmp_path / "x.ckpt"
    torch.save(saved_layer(), path)
    stop = threading.Event()

    def touch() -> None:
        moment = 0
        while not stop.is_set():
            moment += 1
            os.utime(path, ns=(moment, moment))

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        with pytest.raises(ReadError, match="changed while it was read"):
            _read_often(path)
    finally:
        stop.set()
        thread.join()


def test_a_copy_has_the_same_contents(tmp_path: Path) -> None:
    """The name that a file was saved under does not matter."""
    torch.save(saved_layer(), tmp_path / "a.ckpt")
    shutil.copy2(tmp_path / "a.ckpt", tmp_path / "b.ckpt")

    assert read_checkpoint_file(tmp_path / "a.ckpt") == read_checkpoint_file(tmp_path / "b.ckpt")
