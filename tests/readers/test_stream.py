from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
import torch

from checkpoint_meta.readers.checkpoint import first_ranges, read_checkpoint
from checkpoint_meta.readers.fingerprint import read_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable


class Counted(io.BytesIO):
    """A stream that remembers which bytes were asked for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ranges: list[range] = []

    def read(self, size: int | None = -1) -> bytes:
        """Read, and remember what."""
        start = self.tell()
        data = super().read(size)
        self.ranges.append(range(start, start + len(data)))
        return data


def _saved(width: int, layers: int) -> bytes:
    state = {f"layers.{n}.attention.weight": torch.zeros(width) for n in range(layers)}
    optimizer = [{"state": {n: {"step": torch.tensor(1.0)} for n in range(layers)}}]
    score = {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}}
    stream = io.BytesIO()
    saved = {
        "epoch": 1,
        "state_dict": state,
        "callbacks": score,
        "optimizer_states": optimizer,
        "metrics": {f"m{n}": torch.tensor(float(n)) for n in range(20)},
    }
    torch.save(saved, stream)
    return stream.getvalue()


def _floor(data: bytes) -> int:
    """Return the size of the central directory and of the pickle."""
    with ZipFile(io.BytesIO(data)) as archive:
        directory = len(data) - 98 - archive.start_dir
        return directory + archive.getinfo("archive/data.pkl").file_size


@pytest.mark.parametrize("width", [10, 10_000, 100_000])
def test_bytes_read_do_not_grow_with_the_tensors(width: int) -> None:
    """At most 1.2 times the directory and the pickle are read, in a dozen reads."""
    data = _saved(width, layers=100)
    stream = Counted(data)

    contents = read_checkpoint(stream, Path("x"))

    assert contents.custom["metrics"] == {f"m{n}": float(n) for n in range(20)}
    assert sum(map(len, stream.ranges)) <= 1.2 * _floor(data)
    assert len(stream.ranges) <= 10


def test_the_first_ranges_hold_all_but_0_dim_values() -> None:
    """Two requests to an object store are enough for most checkpoints, values aside."""
    data = _saved(width=100_000, layers=50)
    stream = Counted(data)
    wanted = first_ranges(len(data))

    read_checkpoint(stream, Path("x"))

    outside = [part for part in stream.ranges if not _within(part, wanted)]
    assert len(wanted) == 2
    assert wanted[0].stop == len(data)
    assert wanted[1].start == 0
    assert len(outside) <= 2
    assert sum(map(len, outside)) < 4096


def _within(part: range, ranges: Iterable[range]) -> bool:
    return any(whole.start <= part.start and part.stop <= whole.stop for whole in ranges)


@pytest.mark.parametrize("size", [0, 1, 100, 128 << 10])
def test_a_small_object_is_one_range(size: int) -> None:
    """Whatever fits is fetched at once."""
    assert first_ranges(size) == [range(size)]


def test_a_stream_that_gives_less_than_asked_is_read_on() -> None:
    """A raw stream may return part of what is asked for."""

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 100))

    data = _saved(width=10, layers=3)

    assert read_checkpoint(Slow(data), Path("x")) == read_checkpoint(io.BytesIO(data), Path("x"))


def test_the_fingerprint_needs_no_pickle(tmp_path: Path) -> None:
    """A damaged pickle does not keep the fingerprint from being read."""
    path = tmp_path / "x.ckpt"
    data = _saved(width=10, layers=3)
    path.write_bytes(data)
    before = read_fingerprint(path)

    path.write_bytes(data.replace(b"attention", b"attentiom"))

    assert before is not None
    assert read_fingerprint(path) == before


def test_a_fingerprint_without_its_record(tmp_path: Path) -> None:
    """Files of torch before 2.1 have one made of their CRCs; other formats have none."""
    corpus = Path(__file__).parent.parent / "corpus" / "checkpoints"

    old = read_fingerprint(corpus / "tied-torch-1.12.1.ckpt")

    assert old is not None
    assert old != read_fingerprint(corpus / "dtypes-torch-1.12.1.ckpt")
    assert read_fingerprint(corpus / "tied-torch-1.4.0-legacy.ckpt") is None
    (tmp_path / "x").write_bytes(b"x")
    assert read_fingerprint(tmp_path / "x") is None


def test_fingerprints_tell_weights_apart(tmp_path: Path) -> None:
    """Equal weights have equal fingerprints whatever the file is called; others differ."""
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        torch.save({"state_dict": {"w": torch.full((3,), value)}}, tmp_path / name)

    a, b, c = (read_fingerprint(tmp_path / name) for name in "abc")

    assert a == b
    assert a != c
