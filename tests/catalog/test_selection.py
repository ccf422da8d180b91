from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.catalog import first as first_rows
from checkpoint_meta.catalog.best import BestOfRuns
from checkpoint_meta.catalog.group import ReadGroup
from checkpoint_meta.catalog.row import Record, Row, Status
from checkpoint_meta.catalog.selection import Selection
from checkpoint_meta.catalog.sorting import parse_sort_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue


def _row(path: str, values: Mapping[FieldPath, JSONValue], link: str | None = None) -> Row:
    run = path.split("/", maxsplit=1)[0]
    record = Record.of(values)
    return Row(path, run, Status.OK, None, 10, 0, record, None, link is None, link)


values = st.none() | st.integers(0, 3)
rows = st.lists(
    st.builds(
        lambda hmean, epoch, mode: {
            ("metrics", "hmean"): hmean,
            ("training", "epoch"): epoch,
            ("checkpointing", "monitor"): "val/hmean",
            ("checkpointing", "mode"): mode,
        },
        values,
        values,
        st.sampled_from(["min", "max", None]),
    ),
    max_size=30,
)


@given(
    rows,
    st.lists(st.sampled_from(["hmean", "epoch:desc", "epoch", "path"]), min_size=1, max_size=3),
    st.integers(0, 5),
)
def test_a_limit_is_the_beginning_of_the_whole(
    given_rows: list[dict[FieldPath, JSONValue]], keys: list[str], limit: int
) -> None:
    """Letting rows go on the way changes nothing, whatever way turns out to be better."""
    found = [_row(f"run/{place}.ckpt", one) for place, one in enumerate(given_rows)]
    sort = tuple(parse_sort_key(key) for key in keys)
    groups = [ReadGroup(found[:10]), ReadGroup(found[10:])] if found else []
    whole = list(Selection(sort=sort).selected(groups, 0.0))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_rows, "CROWD", 3)
        first = list(Selection(sort=sort, limit=limit).selected(groups, 0.0))

    assert first == whole[:limit]


def _scored(path: str, score: float | None, **more: JSONValue) -> Row:
    fields: dict[FieldPath, JSONValue] = {
        ("checkpointing", "monitor"): "val/loss" if more.get("mode") == "min" else "val/hmean",
        ("checkpointing", "score"): score,
        ("training", "global_step"): more.get("step", 0),
    }
    if "mode" in more:
        fields["checkpointing", "mode"] = more["mode"]
    if "best" in more:
        fields["checkpointing", "best"] = more["best"]
    return _row(path, fields, str(more["link"]) if "link" in more else None)


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ([_scored("a/1", 0.5), _scored("a/2", 0.7), _scored("b/1", 0.1)], {"a/2", "b/1"}),
        ([_scored("a/1", 0.5, mode="min"), _scored("a/2", 0.7, mode="min")], {"a/1"}),
        ([_scored("a/1", 0.5, step=9), _scored("a/2", 0.5, step=3)], {"a/2"}),
        ([_scored("a/1", 0.5, best=True), _scored("a/2", 0.7, best=False)], {"a/1"}),
        ([_scored("a/1", 0.5), _scored("a/2", 0.7, link="1")], {"a/1"}),
        ([_scored("a/1", None), _scored("a/2", float("nan"))], set()),
    ],
    ids=["high", "low", "tie", "recorded", "link", "none"],
)
def test_the_best_of_each_run_is_marked(found: list[Row], best: set[str]) -> None:
    """By what the run recorded, else by its score; the earlier step wins a tie."""
    seen = BestOfRuns()

    groups = [ReadGroup([row]) for row in found]
    assert list(seen.watch(groups)) == groups
    assert seen.paths() == best
