"""Files that end early."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from tests.readers.conftest import LAYER, saved_layer

if TYPE_CHECKING:
    from pathlib import Path


def test_safetensors_cut_off(tmp_path: Path) -> None:
    """A header that promises more than there is makes the file incomplete."""
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(64)}, path)
    os.truncate(path, path.stat().st_size - 8)

    assert read_checkpoint_file(path).incomplete is True


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_zip_cut_off_tells_its_first_part(tmp_path: Path, kept: float) -> None:
    """The pickle comes first: a tenth of a download tells all but 0-dim values."""
    path = tmp_path / "cut.ckpt"
    torch.save(saved_layer(big=torch.zeros(100_000)), path)
    os.truncate(path, int(path.stat().st_size * kept))

    contents = read_checkpoint_file(path)

    assert contents.incomplete is True
    assert (contents.epoch, contents.global_step) == (3, 40)
    assert [(t.name, t.shape, t.dtype) for t in contents.tensors] == LAYER
    assert contents.problems == ("the file is cut off",)


def test_a_pickle_cut_off_tells_what_came_before(tmp_path: Path) -> None:
    """Cut off within the pickle, complete values are kept and begun ones are not."""
    path = tmp_path / "cut.ckpt"
    torch.save(saved_layer(), path)
    cut = path.read_bytes().index(b"bias") + 10
    os.truncate(path, cut)

    contents = read_checkpoint_file(path)

    assert (contents.epoch, contents.global_step) == (3, 40)
    assert [t.name for t in contents.tensors] == ["weight"]


def test_every_cut_is_told_or_refused(tmp_path: Path) -> None:
    """Wherever a file ends, it is incomplete or a `ReadError`; never something else."""
    path = tmp_path / "whole.ckpt"
    torch.save(saved_layer(), path)
    whole = path.read_bytes()

    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        if size < 200:
            with suppress(ReadError):
                assert read_checkpoint_file(path).incomplete
        else:
            assert read_checkpoint_file(path).incomplete


def test_a_legacy_file_cut_off(tmp_path: Path) -> None:
    """A legacy file without its last storage is incomplete."""
    path = tmp_path / "old.ckpt"
    torch.save(saved_layer(), path, _use_new_zipfile_serialization=False)
    os.truncate(path, path.stat().st_size - 4)

    contents = read_checkpoint_file(path)

    assert (contents.epoch, contents.incomplete) == (3, True)
