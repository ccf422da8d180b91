from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.catalog.fields import find_field
from checkpoint_meta.catalog.sorting import (
    MODE,
    MONITOR,
    Order,
    better_order,
    order_by_name,
    parse_sort_key,
    sort_rows,
)
from checkpoint_meta.errors import QueryError


@pytest.mark.parametrize("name", ["precision", "recall", "hmean", "val/f1", "val_acc", "mIoU"])
def test_high_names_come_high_first(name: str) -> None:
    """What everybody wants much of."""
    assert order_by_name(name) is Order.DESCENDING


@pytest.mark.parametrize(
    "name", ["validation_loss", "val/loss", "error", "epoch", "size", "accent"]
)
def test_everything_else_comes_low_first(name: str) -> None:
    """Losses and errors, and whatever is no metric."""
    assert order_by_name(name) is Order.ASCENDING


@pytest.mark.parametrize(
    ("name", "monitor", "mode", "expected"),
    [
        ("hmean", "val/hmean", "min", Order.ASCENDING),
        ("validation_loss", "val_loss", "max", Order.DESCENDING),
        ("val/wer", "val/wer", "max", Order.DESCENDING),
        ("score", "anything", "max", Order.DESCENDING),
        ("recall", "val/hmean", "min", Order.DESCENDING),
        ("epoch", "val/hmean", "max", Order.ASCENDING),
    ],
)
def test_the_recorded_mode_decides(name: str, monitor: str, mode: str, expected: Order) -> None:
    """Of the metric that the run monitored, and of no other."""
    row = {MONITOR: monitor, MODE: mode}

    assert better_order(find_field(name), [row]) is expected


def test_a_users_own_name_is_the_monitored_metric() -> None:
    """`metrics = {hmean = "val/dice"}` in the settings ties the two together."""
    row = {MONITOR: "val/dice", MODE: "min"}

    assert better_order(find_field("hmean"), [row], {"hmean": "val/dice"}) is Order.ASCENDING


@pytest.mark.parametrize(
    ("text", "name", "order"),
    [
        ("hmean", "hmean", None),
        ("hmean:asc", "hmean", Order.ASCENDING),
        ("val:loss:desc", "val:loss", Order.DESCENDING),
        ("val:loss", "val:loss", None),
    ],
)
def test_a_key_may_say_its_order(text: str, name: str, order: Order | None) -> None:
    """`KEY:asc` and `KEY:desc`; a colon in a name stays."""
    key = parse_sort_key(text)

    assert (key.field.name, key.order) == (name, order)


values = st.none() | st.integers(-3, 3) | st.floats(-3, 3) | st.just(math.nan) | st.text("ab")


@given(st.lists(st.tuples(values, st.text("abc", max_size=3)), max_size=12), st.sampled_from(Order))
def test_missing_is_last_and_ties_go_by_path(
    pairs: list[tuple[int | float | str | None, str]], order: Order
) -> None:
    """Whatever the direction: values in order, then what has none; equal ones by path."""
    field = find_field("hmean")

    ordered = sort_rows(
        pairs,
        [(field, order)],
        lambda pair: {("metrics", "hmean"): pair[0]},
        lambda pair: pair[1],
    )

    known = [pair for pair in ordered if pair[0] is not None and pair[0] == pair[0]]
    rest = ordered[len(known) :]
    assert sorted(map(repr, ordered)) == sorted(map(repr, pairs))
    assert known == ordered[: len(known)]
    assert [pair[1] for pair in rest] == sorted(pair[1] for pair in rest)
    numbers = [pair[0] for pair in known if not isinstance(pair[0], str)]
    assert numbers == sorted(numbers, reverse=order is Order.DESCENDING)  # type: ignore[type-var]
    for one, next_one in pairwise(known):
        assert one[0] != next_one[0] or one[1] <= next_one[1]


def test_an_order_that_is_none_is_an_error() -> None:
    """The place is that of the order; a metric that nobody knows may have a colon in its name."""
    with pytest.raises(QueryError, match="expected asc or desc") as caught:
        parse_sort_key("hmean:up")

    assert caught.value.position == 6
    assert parse_sort_key("loss:0").field.name == "loss:0"
