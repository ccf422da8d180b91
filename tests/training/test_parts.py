"""The pure parts of the callback, without a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from checkpoint_meta.training.model import parameters
from checkpoint_meta.training.plain import to_plain
from checkpoint_meta.training.standing import Mark, marks_of
from checkpoint_meta.training.tracker import MetricTracker

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Clock:
    """What a tracker looks at: a Trainer's numbers."""

    callback_metrics: dict[str, object] = field(default_factory=dict)
    global_step: int = 0
    current_epoch: int = 0
    validating: bool = False
    sanity_checking: bool = False


def observed_twice(first: object, second: object) -> dict[str, float]:
    """Return what is taken for measured at the second step."""
    tracker = MetricTracker()
    tracker.observe(Clock({"x": first}, global_step=1))  # type: ignore[arg-type]
    tracker.observe(Clock({"x": second}, global_step=2))  # type: ignore[arg-type]
    return dict(tracker.measured_at(2).metrics)


def test_the_same_memory_is_the_same_measurement() -> None:
    """A tensor that is handed out again is not measured again."""
    value = torch.tensor(0.5)

    assert observed_twice(value.detach(), value.detach()) == {}


def test_other_memory_is_another_measurement() -> None:
    """An equal value that was computed anew is this step's."""
    assert observed_twice(torch.tensor(0.5), torch.tensor(0.5)) == {"x": 0.5}


@pytest.mark.parametrize(("second", "fresh"), [(0.5, {}), (0.75, {"x": 0.75})])
def test_what_has_no_memory_is_compared_by_value(second: float, fresh: dict[str, float]) -> None:
    """A plain number that a user has put there is fresh where it differs."""
    assert observed_twice(0.5, second) == fresh


@dataclass
class Keeper:
    """A ModelCheckpoint's list."""

    best_k_models: Mapping[str, object]
    best_model_path: str
    mode: str = "max"
    save_top_k: int = 3
    monitor: str | None = "val/hmean"
    save_last: object = None
    dirpath: object = "."
    last_model_path: str = ""


def test_of_two_equal_scores_the_earlier_is_the_better() -> None:
    """Ranks follow the scores, and the order of saving where they are equal."""
    keeper = Keeper({"a": torch.tensor(0.5), "b": torch.tensor(0.7), "c": torch.tensor(0.7)}, "b")

    assert marks_of(keeper) == {"b": Mark(1, True), "c": Mark(2, False), "a": Mark(3, False)}


def test_lower_is_better_where_the_mode_says_so() -> None:
    """With `min` the smallest score is the first."""
    keeper = Keeper({"a": torch.tensor(0.5), "b": torch.tensor(0.7)}, "a", mode="min")

    assert [mark.rank for mark in marks_of(keeper).values()] == [1, 2]


class Color(Enum):
    """Any choice."""

    RED = object()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.zeros(3), "numpy.ndarray"),
        (torch.tensor(2.0), 2.0),
        (torch.zeros(3), "torch.Tensor"),
        (torch.float16, "torch.float16"),
        (Color.RED, "RED"),
        ({1, 2}, [1, 2]),
        (float("nan"), "nan"),
        (len, "builtins.len"),
        (torch.nn.Linear, "torch.nn.modules.linear.Linear"),
        (b"bytes", "builtins.bytes"),
        ({1: None, "a": (True,)}, {"1": None, "a": [True]}),
    ],
    ids=str,
)
def test_plain_values(value: object, plain: object) -> None:
    """Whatever a hyper-parameter is, a sidecar can hold what is told of it."""
    found = to_plain(value)

    assert found == plain
    assert type(found) is type(plain)


def test_a_mapping_that_holds_itself() -> None:
    """An endless hyper-parameter ends."""
    endless: dict[str, object] = {}
    endless["again"] = endless

    assert "..." in str(to_plain(endless))


def test_tensors_without_memory_are_counted_each() -> None:
    """Tensors on no device have no place by which to tell that they are one."""
    empty = [torch.empty(2, device="meta"), torch.empty(2, device="meta"), "no tensor"]

    assert parameters(empty) == {"count": 4, "bytes": 16, "dtypes": {"float32": 4}}
