from __future__ import annotations

import pytest

from checkpoint_meta.metric_names import name_metrics

HMEAN = ("metrics", "hmean")


def _named(logged: dict[str, float], aliases: dict[str, str] | None = None) -> dict[str, object]:
    values = name_metrics(logged, aliases).values
    return {field[1]: value for field, value in values.items() if len(field) == 2}


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ({"val/hmean": 0.9, "train/hmean": 0.1}, {"hmean": 0.9}),
        ({"batch_0/hmean": 0.1, "val/hmean": 0.9}, {"hmean": 0.9}),
        ({"train/precision": 0.1, "val/precision": 0.9}, {"precision": 0.9}),
        ({"val_loss": -2.5, "train_loss": 1.0}, {"validation_loss": -2.5}),
        ({"validation/f1": 0.9}, {"hmean": 0.9}),
        ({"valid_f1_score": 0.9}, {"hmean": 0.9}),
        ({"hmean": 0.9}, {"hmean": 0.9}),
        ({"hmean": 0.1, "val/hmean": 0.9}, {"hmean": 0.9}),
        ({"if1_gate": 0.9, "val/if1_gate": 0.9}, {}),
        ({"loss": 1.0}, {}),
        ({"test/hmean": 0.9}, {}),
        ({"val/hmean": 91.0}, {}),
        ({"val/hmean": float("nan")}, {}),
        ({"val/hmean": 0.9, "val/f1": 0.9}, {"hmean": 0.9}),
        ({"val/hmean": 0.9, "val/f1": 0.8}, {}),
    ],
    ids=str,
)
def test_which_name_stands_for_which_field(
    logged: dict[str, float], expected: dict[str, float]
) -> None:
    """Validation names come first, then bare ones; training, test and batches never."""
    assert _named(logged) == expected


def test_two_candidates_that_differ_name_none_and_say_so() -> None:
    """Nobody can know which of two is meant."""
    named = name_metrics({"val/hmean": 0.9, "val/f1": 0.8})

    assert named.notes == ("metrics.hmean: val/hmean and val/f1 differ, none is taken",)
    assert named.values["metrics", "additional_metrics", "val/f1"] == 0.8


def test_percent_stays_under_its_own_name() -> None:
    """Nothing is rescaled by guess: 91.0 is kept as it was logged, and a note tells."""
    named = name_metrics({"val/hmean": 91.0})

    assert named.values == {("metrics", "additional_metrics", "val/hmean"): 91.0}
    assert named.notes == ("metrics.hmean: val/hmean is 91.0, outside 0 to 1",)


def test_a_user_says_which_name_is_meant() -> None:
    """An alias outranks the table."""
    logged = {"val/hmean": 0.9, "icdar/score": 0.8}

    assert _named(logged, {"hmean": "icdar/score"}) == {"hmean": 0.8}


def test_nan_and_infinity_are_named_and_left_out() -> None:
    """Numbers in a sidecar are finite."""
    named = name_metrics({"a": float("nan"), "b": float("inf"), "c": 1.0})

    assert named.values == {("metrics", "additional_metrics", "c"): 1.0}
    assert named.notes == ("a is nan, left out", "b is inf, left out")
