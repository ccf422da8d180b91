from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.crc32c import masked_crc32c
from checkpoint_meta.readers.event_files import read_event_files

if TYPE_CHECKING:
    from pathlib import Path


def _log(folder: Path, *, purge_step: int | None = None) -> list[Path]:
    """Return the files to which the real TensorBoardLogger logged two validations."""
    from lightning.pytorch.loggers import TensorBoardLogger

    logger = TensorBoardLogger(folder, name=None, version=0, purge_step=purge_step)
    logger.log_metrics({"train_loss": 0.5, "epoch": 0}, step=9)
    logger.log_metrics({"val/hmean": 0.75, "val_loss": 1.5, "epoch": 0}, step=9)
    logger.log_metrics({"val/hmean": 0.875, "val_loss": 1.25, "epoch": 1}, step=1_000_000)
    logger.finalize("success")
    return sorted((folder / "version_0").glob("events.out.tfevents.*"))


def test_events_of_one_call_are_one_row(tmp_path: Path) -> None:
    """Metrics and their epoch are separate events; they come back as they were logged."""
    table = read_event_files(_log(tmp_path))

    assert list(table.rows_at(9)) == [
        {"train_loss": 0.5, "epoch": 0.0},
        {"val/hmean": 0.75, "val_loss": 1.5, "epoch": 0.0},
    ]
    assert list(table.rows_at(1_000_000)) == [{"val/hmean": 0.875, "val_loss": 1.25, "epoch": 1.0}]


def test_it_agrees_with_tensorboard_itself(tmp_path: Path) -> None:
    """Every scalar that TensorBoard's own reader finds is found, and no other."""
    # It has no types.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    files = _log(tmp_path)
    accumulator = EventAccumulator(str(tmp_path / "version_0"), size_guidance={"scalars": 0})
    accumulator.Reload()
    theirs = {
        (tag, event.step, event.value)
        for tag in accumulator.Tags()["scalars"]
        for event in accumulator.Scalars(tag)
    }

    table = read_event_files(files)
    ours = {
        (name, step, value)
        for step in (0, 9, 1_000_000)
        for row in table.rows_at(step)
        for name, value in row.items()
    }

    assert ours == theirs


def test_what_is_no_scalar_is_passed_over(tmp_path: Path) -> None:
    """Histograms, texts and long names stand between scalars without harm."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    writer.add_text("note", "x" * 100_000, 1)
    writer.add_scalar("n" * 300, 0.5, 1)
    writer.add_scalars("losses", {"a": 0.25}, 1)
    writer.add_histogram("weights", torch.ones(3), 1)
    writer.add_scalar("loss", 0.125, -1)
    writer.close()

    table = read_event_files([*tmp_path.glob("events*")])

    assert list(table.rows_at(1)) == [{"n" * 300: 0.5}]
    assert list(table.rows_at(-1)) == [{"loss": 0.125}]


@pytest.mark.parametrize("missing", [1, 3, 5, 17, 40])
def test_a_cut_off_tail_ends_the_rows(missing: int, tmp_path: Path) -> None:
    """A run that was killed keeps the rows before."""
    (file,) = _log(tmp_path)
    file.write_bytes(file.read_bytes()[:-missing])

    table = read_event_files([file])

    assert len(list(table.rows_at(9))) == 2


def test_zeros_behind_the_last_record_end_the_rows(tmp_path: Path) -> None:
    """So does one whose machine crashed, which leaves zeros."""
    (file,) = _log(tmp_path)
    file.write_bytes(file.read_bytes() + bytes(100))

    assert len(list(read_event_files([file]).rows_at(9))) == 2


def test_no_event_file_is_one_error(tmp_path: Path) -> None:
    """A file whose first length is not what its CRC says is none."""
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(b"not an event file at all")

    with pytest.raises(ReadError, match="not a TensorBoard event file"):
        read_event_files([file])


def test_a_length_that_lies_reads_nothing(tmp_path: Path) -> None:
    """A length of a terabyte with a right CRC takes no memory."""
    length = struct.pack("<Q", 2**39)
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(length + struct.pack("<I", masked_crc32c(length)))

    assert len(read_event_files([file])) == 0
