"""The tables of numbers that Lightning's CSVLogger writes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.scalar_table import NotALogError, ScalarTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

STEP: Final = "step"
"""Column that has the step; in a table it is the row's place, not a number of the row."""

_LONGEST_LINE: Final = 1024 * 1024


def read_metrics_csv(path: Path) -> ScalarTable:
    """Return the rows of a `metrics.csv`; an empty cell, or one without a number, is absent.

    Raises:
        ReadError: if the file cannot be read, or is no table with a column `step`.
    """
    table = ScalarTable()
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            _fill(table, _lines(stream))
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from error
    except (csv.Error, NotALogError) as error:
        raise ReadError(path, f"not a metrics.csv ({error})") from error
    return table


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise NotALogError(f"a line is longer than {_LONGEST_LINE} characters")
        yield line


def _fill(table: ScalarTable, lines: Iterator[str]) -> None:
    rows = csv.reader(lines)
    header = next(rows, [])
    if not header:
        return
    if STEP not in header:
        raise NotALogError("no column `step`")
    place = header.index(STEP)
    for cells in rows:
        step = _number(cells[place]) if place < len(cells) else None
        if step is not None:
            table.append(step, _row(header, cells))


def _row(header: Sequence[str], cells: Sequence[str]) -> dict[str, float]:
    return {
        name: number
        for name, cell in zip(header, cells, strict=False)
        if cell and name != STEP and (number := _number(cell)) is not None
    }


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
