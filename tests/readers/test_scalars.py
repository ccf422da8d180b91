from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.scalars import read_metrics_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def metrics_csv(tmp_path: Path) -> Path:
    """Return what the real CSVLogger wrote of three calls."""
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(tmp_path, name=None, version=0)
    logger.log_metrics({"train_loss": 0.5, "epoch": 0}, step=9)
    logger.log_metrics({"val/hmean": 0.75, "val_loss": math.nan, "epoch": 0}, step=9)
    logger.log_metrics({"train_loss": 0.25, "epoch": 1}, step=19)
    logger.save()
    return tmp_path / "version_0" / "metrics.csv"


def test_a_row_for_each_call(metrics_csv: Path) -> None:
    """The rows of a step come in their order, without the cells that are empty."""
    table = read_metrics_csv(metrics_csv)

    training, validation = table.rows_at(9)

    assert len(table) == 3
    assert training == {"train_loss": 0.5, "epoch": 0.0}
    assert validation["val/hmean"] == 0.75
    assert math.isnan(validation["val_loss"])
    assert list(table.rows_at(10)) == []


def test_a_cut_off_last_line_is_what_is_left_of_it(metrics_csv: Path) -> None:
    """A run that was killed while it wrote leaves every row before the last."""
    whole = metrics_csv.read_bytes()
    metrics_csv.write_bytes(whole[:-6])

    assert next(read_metrics_csv(metrics_csv).rows_at(9))["train_loss"] == 0.5


@pytest.mark.parametrize("text", ["", "epoch,step\n", "step,a\n,0.5\nx,0.5\nnan,1\n1.5,1\n"])
def test_no_rows_in_a_table_without_steps(text: str, tmp_path: Path) -> None:
    """A row counts only where its step is a whole number."""
    path = tmp_path / "metrics.csv"
    path.write_text(text, encoding="utf-8")

    assert len(read_metrics_csv(path)) == 0


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,2\n", b"step," + b"x" * 2_000_000, b'step,"' + b"x" * 200_000 + b'"\n'],
    ids=["no step", "endless line", "endless cell"],
)
def test_what_is_no_log_is_one_error(content: bytes, tmp_path: Path) -> None:
    """A file that is no metrics.csv is a ReadError that names it."""
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)

    with pytest.raises(ReadError, match=r"metrics\.csv"):
        read_metrics_csv(path)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    """So is a file that is not there."""
    with pytest.raises(ReadError, match="cannot be read"):
        read_metrics_csv(tmp_path / "metrics.csv")
