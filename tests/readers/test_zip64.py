"""Archives of more than 4 GiB have sizes and places that 32 bits cannot hold: zip64."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import pytest
import torch

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.readers.fingerprint import read_fingerprint

CORPUS: Final = Path(__file__).parents[1] / "corpus" / "checkpoints"
PLAIN: Final = CORPUS / "lightning-torch-2.13.0.ckpt"

TIMES: Final = b"UT\x05\x00\x01\x00\x00\x00\x00"
"""A field that other tools put in front: the time of an entry."""


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the checkpoint as Python's own writer would write it beyond 4 GiB."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    path = tmp_path / "large.ckpt"
    with zipfile.ZipFile(PLAIN) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            written = zipfile.ZipInfo(entry.filename)
            written.extra = TIMES
            target.writestr(written, source.read(entry))
    return path


def test_a_large_archive_tells_the_same(large: Path) -> None:
    """Contents, tensors and fingerprint are those of the small one; torch loads it too."""
    told, plain = read_checkpoint_file(large), read_checkpoint_file(PLAIN)

    assert (told.epoch, told.global_step) == (plain.epoch, plain.global_step)
    assert told.callbacks == plain.callbacks
    assert told.tensors == plain.tensors
    assert told.fingerprint == plain.fingerprint == read_fingerprint(large)
    assert torch.load(large, weights_only=False)["epoch"] == plain.epoch


def test_its_numbers_really_do_not_fit(large: Path) -> None:
    """The directory holds the sign for `look in the zip64 field`, as real large files do."""
    raw = large.read_bytes()
    entry = raw.rindex(b"PK\x01\x02")

    assert raw[entry + 20 : entry + 28] == b"\xff" * 8
    assert b"PK\x06\x06" in raw


def test_a_sign_without_its_field_is_refused(large: Path) -> None:
    """Sizes of 4 GiB that nothing explains lie outside the file."""
    raw = large.read_bytes()
    entry = raw.rindex(b"PK\x01\x02")
    field = raw.index(b"\x01\x00", entry + 46 + raw[entry + 28])
    large.write_bytes(raw[:field] + b"\x02\x00" + raw[field + 2 :])

    with pytest.raises(ReadError, match="outside the file"):
        read_checkpoint_file(large)
