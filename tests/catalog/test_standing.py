"""What a folder says of the best of its run, where rows lack what others have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog.best import BestOfRuns
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.scan import scan_groups
from checkpoint_meta.catalog.standing import First, Standing
from checkpoint_meta.paths import Layout
from tests.catalog.conftest import Described, describe
from tests.commands import ckpt_meta

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue

SCORE = ("checkpointing", "score")
BEST = ("checkpointing", "best")
MODE = ("checkpointing", "mode")
MONITOR = ("checkpointing", "monitor")


def _standing(root: Path) -> Standing:
    (group,) = scan_groups(root, Layout(), ScanOptions(whole=False))
    return group.standing()


def _runs(root: Path, rows: list[dict[FieldPath, JSONValue]]) -> Path:
    for epoch, values in enumerate(rows):
        path = root / "checkpoints" / f"epoch={epoch}.ckpt"
        describe(path, Described(epoch, None, values={MODE: None, MONITOR: None, **values}))
    return root


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{BEST: True}, {}], ((0,), None)),
        ([{BEST: True, MODE: "max"}, {MODE: "max"}], ((0,), None)),
        ([{BEST: True, SCORE: 0.5}, {SCORE: 0.75}], ((0,), First(0.5, 0, 0))),
        ([{SCORE: 0.5, MODE: "max"}, {SCORE: 0.75, MODE: "max"}], ((), First(-0.75, 100, 1))),
        ([{SCORE: 0.5, MODE: "min"}, {}], ((), First(0.5, 0, 0))),
        ([{}, {}], ((), None)),
    ],
)
def test_rows_may_lack_what_others_have(
    tmp_path: Path, rows: list[dict[FieldPath, JSONValue]], expected: tuple[object, object]
) -> None:
    """A record without a score, a score without a mode: what is there counts."""
    standing = _standing(_runs(tmp_path / "run", rows))

    assert (standing.recorded, standing.first) == expected
    assert Standing.read(standing.text) == standing


def test_a_standing_is_kept_as_it_is() -> None:
    """Also where no step is known, or a score is beyond every float."""
    standing = Standing((1, 2), First(-math.inf, math.inf, 3), (("val/hmean", "max", 4),))

    assert Standing.read(standing.text) == standing


def test_a_recorded_best_without_a_score_is_marked(tmp_path: Path) -> None:
    """With the index and without it."""
    root = _runs(tmp_path / "run", [{}, {BEST: True}])
    best = BestOfRuns()
    for use_index in (False, True, True):
        options = ScanOptions(whole=False, use_index=use_index)
        list(best.watch(scan_groups(root, Layout(), options)))

    assert best.paths() == {str(root / "checkpoints" / "epoch=1.ckpt")}


def test_a_limit_shows_the_better_end_without_a_monitor(tmp_path: Path) -> None:
    """The mode alone tells which way the score sorts."""
    rows: list[dict[FieldPath, JSONValue]] = [
        {SCORE: score, MODE: "min"} for score in (0.3, 0.1, 0.2)
    ]
    root = _runs(tmp_path / "run", rows)
    shown = [
        ckpt_meta(root, "list", ".", "--sort", "score", "--format", "path", *options)
        for options in (("--no-index",), ("--limit", "1"), ("--limit", "1", "--no-index"))
    ]

    firsts = [one.stdout.splitlines()[0] for one in shown]
    assert firsts == ["checkpoints/epoch=1.ckpt"] * 3
