"""Lists of any length in little memory."""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from checkpoint_meta.cli import diff, table
from checkpoint_meta.cli.list_options import ListFormat
from checkpoint_meta.cli.list_view import ListView
from checkpoint_meta.cli.output import Output

from checkpoint_meta.catalog.compare import Difference
from checkpoint_meta.catalog.kept_group import KeptGroup
from checkpoint_meta.catalog.known import Known
from checkpoint_meta.catalog.marks import mark_of
from checkpoint_meta.catalog.row import FileState
from checkpoint_meta.catalog.standing import Standing

if TYPE_CHECKING:
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import JSONValue


def _rows(count: int) -> list[Row]:
    """Return rows as a scan that finds them in the index makes them."""
    nothing = [None] * count
    names = [f"epoch={epoch}.ckpt" for epoch in range(count)]
    heads = [names, ["ok"] * count, nothing, [True] * count, nothing, nothing, [False] * count]
    light = [[["metrics", "hmean"]], [epoch / count for epoch in range(count)]]
    marks = mark_of(FileState(1, 2, 3, 4)) * 2 * count
    columns = "\n".join(map(json.dumps, light))
    known = Known(
        "", b"", 0, "[]", count, "[]", marks, "", json.dumps(heads), Standing().text, columns, "[]"
    )
    return list(KeptGroup("run", "run", known))


@pytest.mark.parametrize("list_format", ["table", "csv", "markdown", "json", "jsonl", "path"])
def test_a_long_list_keeps_places_and_not_rows(
    list_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of a row that is in the index is where it stands there: about 100 bytes."""
    monkeypatch.setattr(table, "MANY", 0)
    # The encoder of JSON leaves cycles, which some other test may have told Python to keep.
    gc.set_threshold(700, 10, 10)
    view = ListView(Output(), ListFormat(list_format), now=0.0)
    rows = _rows(5000)

    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path to speak of
        monkeypatch.setattr(sys, "stdout", nowhere)
        view.show(rows[:5])
        tracemalloc.start()
        view.show(iter(rows))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 5000 * 120 + 200_000


def test_kept_cells_print_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether cells are made once or twice is seen by nobody."""
    printed = []
    for many in (0, 10**6):
        monkeypatch.setattr(table, "MANY", many)
        ListView(Output(), ListFormat.TABLE, now=0.0).show(_rows(30))
        printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == 31


def test_a_json_document_is_written_item_by_item(capsys: pytest.CaptureFixture[str]) -> None:
    """It is the text that `json.dumps` makes of the whole."""
    values: list[JSONValue] = [{"a": "x\ny", "b": [1, {}]}, [], None]

    Output().json_items(values)
    Output().json_items([])

    assert capsys.readouterr().out == json.dumps(values, indent=2) + "\n[]\n"


def test_a_diff_of_long_names_fits() -> None:
    """Names of fields are shortened too where a terminal is narrow."""
    rows = _rows(3)
    field = ("hyperparameters", *["nested"] * 8)
    found = [Difference(field, tuple(row.path * 3 for row in rows))]

    fitted, left_out = diff._table(rows, found).fitted(80)

    lines = ["  ".join(cell.text for cell in line) for line in fitted.lines()]
    assert left_out == []
    assert max(map(len, lines)) <= 80
    assert all(line.startswith("hyp") for line in lines[1:])
