from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers.contents import CheckpointContents
from checkpoint_meta.sources.step_rule import (
    Finding,
    LoggedStep,
    Row,
    Score,
    is_score_stale,
    judge,
    logged_step,
    measured_before,
)

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

PLACE = LoggedStep((9,), frozenset({1}))


def _contents(
    *,
    epoch: int = 1,
    step: int = 20,
    version: str = "2.6.6",
    batches: int | None = None,
    epochs: tuple[int, int] = (2, 2),
) -> CheckpointContents:
    ready, processed = epochs
    fit: dict[str, JSONValue] = {
        "epoch_loop.state_dict": {} if batches is None else {"_batches_that_stepped": batches},
        "epoch_progress": {"current": {"ready": ready, "processed": processed}},
    }
    return CheckpointContents(
        format="torch-zip",
        size_bytes=1,
        mtime_ns=1,
        epoch=epoch,
        global_step=step,
        lightning_version=version,
        loops={"fit_loop": fit},
    )


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (_contents(batches=10), LoggedStep((9,), frozenset({1}))),
        (_contents(batches=10, epochs=(2, 1)), LoggedStep((10,), frozenset({1}))),
        (_contents(batches=10, epoch=2, epochs=(2, 2)), LoggedStep((9,), frozenset({1}))),
        (_contents(version="1.5.10"), LoggedStep((19,), frozenset({0, 1}))),
        (_contents(version="1.6.3"), LoggedStep((19, 20), frozenset({0, 1}), is_certain=False)),
        (_contents(version="1.6.5"), None),
        (_contents(version="unknown"), None),
    ],
    ids=[
        "end of epoch",
        "after validation",
        "after the fit",
        "1.5",
        "1.6.3",
        "no count",
        "no version",
    ],
)
def test_the_logged_step(contents: CheckpointContents, expected: LoggedStep | None) -> None:
    """Each version and each moment of a save has its own step in the logs."""
    assert logged_step(contents) == expected


def test_the_row_that_carries_the_score_is_verified() -> None:
    """Other rows of the same step and epoch fill in; they overwrite nothing."""
    rows: list[Row] = [
        {"train_loss": 0.5, "epoch": 1.0},
        {"val/hmean": 0.75, "val_loss": 1.5, "epoch": 1.0},
        {"lr": 0.1},
    ]

    verdict = judge(rows, PLACE, Score("val/hmean", 0.75))

    assert verdict.finding is Finding.VERIFIED
    assert verdict.metrics == {"train_loss": 0.5, "val/hmean": 0.75, "val_loss": 1.5}


def test_float32_is_near_enough_and_no_farther() -> None:
    """Scores are stored as float32: what differs in the seventh digit is the same number."""
    rows: list[Row] = [{"val/hmean": 0.7500001, "epoch": 1.0}]

    assert judge(rows, PLACE, Score("val/hmean", 0.75)).finding is Finding.VERIFIED
    assert judge(rows, PLACE, Score("val/hmean", 0.7501)).finding is Finding.CONFLICT


def test_a_row_of_another_epoch_is_anothers() -> None:
    """A step axis that starts again does not make a row this checkpoint's."""
    rows: list[Row] = [{"val/hmean": 0.75, "epoch": 0.0}]

    assert judge(rows, PLACE, None).finding is Finding.NONE
    assert judge(rows, PLACE, Score("val/hmean", 0.75)).finding is Finding.NONE


def test_a_row_without_an_epoch_needs_proof() -> None:
    """`self.log("step", x)` replaces the step, and Lightning then leaves the epoch out."""
    rows: list[Row] = [{"val/hmean": 0.75}]

    assert judge(rows, PLACE, None).finding is Finding.PROBABLE
    assert judge(rows, PLACE, Score("val/hmean", 0.75)).finding is Finding.VERIFIED


def test_two_attempts_without_a_score_are_probable() -> None:
    """Rows that disagree are of different attempts; nothing tells which is the checkpoint's."""
    rows: list[Row] = [
        {"val/hmean": 0.75, "val_loss": 1.5, "epoch": 1.0},
        {"val/hmean": 0.875, "val_loss": 1.5, "epoch": 1.0},
    ]

    verdict = judge(rows, PLACE, None)

    assert verdict.finding is Finding.PROBABLE
    assert not verdict.finding.is_written


def test_the_score_picks_one_attempt_and_takes_nothing_from_the_other() -> None:
    """Where two attempts passed the step, only the proved row counts."""
    rows: list[Row] = [
        {"val/hmean": 0.75, "val_loss": 1.5, "epoch": 1.0},
        {"train_loss": 0.5, "epoch": 1.0},
        {"val/hmean": 0.875, "val_loss": 1.25, "epoch": 1.0},
    ]

    verdict = judge(rows, PLACE, Score("val/hmean", 0.875))

    assert verdict.metrics == {"val/hmean": 0.875, "val_loss": 1.25}


def test_steps_that_differ_while_gradients_accumulate_are_left_out() -> None:
    """Three batches of one step have three losses: none is the checkpoint's."""
    rows: list[Row] = [{"train_loss": loss, "epoch": 1.0} for loss in (0.5, 0.25, 0.125)]
    rows.append({"val/hmean": 0.75, "epoch": 1.0})

    assert judge(rows, PLACE, Score("val/hmean", 0.75)).metrics == {"val/hmean": 0.75}
    assert judge(rows, PLACE, None).metrics == {"val/hmean": 0.75}


def test_an_uncertain_step_needs_proof() -> None:
    """Lightning 1.6.0 to 1.6.4 leave two steps open."""
    place = LoggedStep((8, 9), frozenset({1}), is_certain=False)
    rows: list[Row] = [{"val/hmean": 0.75, "epoch": 1.0}]

    assert judge(rows, place, None).finding is Finding.PROBABLE
    assert judge(rows, place, Score("val/hmean", 0.75)).finding is Finding.VERIFIED


@pytest.mark.parametrize(
    ("score", "finding"),
    [
        (Score("hmean", 0.75, 2), Finding.VERIFIED),
        (Score("val/hmean", 0.75, 2), Finding.VERIFIED),
        (Score("hmean", 0.76, 2), Finding.CONFLICT),
        (Score("recall", 0.76, 2), Finding.NONE),
    ],
)
def test_a_printed_number_is_compared_as_it_was_rounded(score: Score, finding: Finding) -> None:
    """A file name prints `hmean` for `val/hmean`, and two decimals of it."""
    rows: list[Row] = [{"val/hmean": 0.7461, "train/recall": 0.76, "epoch": 1.0}]

    assert judge(rows, PLACE, score).finding is finding


def test_a_training_metric_is_logged_under_two_names() -> None:
    """`train_loss` logged each step and each epoch is monitored as `train_loss`."""
    rows: list[Row] = [{"train_loss_step": 0.5, "epoch": 1.0}, {"train_loss_epoch": 0.25}]

    assert judge(rows, PLACE, Score("train_loss", 0.25)).finding is Finding.VERIFIED


numbers = st.one_of(st.sampled_from([0.25, 0.5, math.nan]), st.floats())
rows_of_two_epochs = st.lists(
    st.dictionaries(st.sampled_from(["val/hmean", "val_loss", "epoch"]), numbers), max_size=6
)


@given(rows_of_two_epochs, st.sampled_from([0.25, 0.5]))
def test_what_is_written_was_proved(rows: list[Row], value: float) -> None:
    """With a score, nothing is written unless some row carries it."""
    score = Score("val/hmean", value)

    verdict = judge(rows, PLACE, score)

    if verdict.finding.is_written:
        assert score.is_proved_by(verdict.metrics)
        assert any(score.is_proved_by(row) for row in rows)


@pytest.mark.parametrize(
    ("batch", "validated", "stale"),
    [((6, 6), 2, False), ((6, 5), 2, True), ((6, 6), 0, True)],
    ids=["after a validation", "in mid-batch", "no validation in its epoch"],
)
def test_a_score_may_be_older_than_the_weights(
    batch: tuple[int, int], validated: int, *, stale: bool
) -> None:
    """A save in mid-batch, or in an epoch without validation, carries an earlier score."""
    contents = _contents(batches=6)
    assert contents.loops is not None
    fit = contents.loops["fit_loop"]
    assert isinstance(fit, dict)
    fit["epoch_loop.batch_progress"] = {"current": {"processed": batch[0], "completed": batch[1]}}
    fit["epoch_loop.val_loop.batch_progress"] = {"total": {"ready": validated}}

    assert is_score_stale(contents, "val/hmean") is stale
    assert is_score_stale(contents, "train_loss") is False


@pytest.mark.parametrize(
    ("name", "epochs", "stale"),
    [
        ("train_loss_epoch", (2, 1), True),
        ("train_loss_epoch", (2, 2), False),
        ("train_loss_step", (2, 1), False),
    ],
)
def test_a_mean_is_older_until_its_epoch_has_ended(
    name: str, epochs: tuple[int, int], *, stale: bool
) -> None:
    """Saved after a validation, the newest mean of the training is that of the epoch before."""
    assert is_score_stale(_contents(batches=6, epochs=epochs), name) is stale


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("val/hmean", {"epoch": 1.0, "val/hmean": 0.5}, 5),
        ("val/hmean", {"epoch": 0.0, "val/hmean": 0.5}, None),
        ("val/hmean", {"epoch": 1.0, "val/hmean": 0.6}, None),
        ("val/hmean", {"val/hmean": 0.5}, None),
        ("train/loss", {"epoch": 0.0, "train/loss": 0.5}, 5),
    ],
    ids=["its epoch", "another epoch", "another number", "no epoch", "a mean of the epoch before"],
)
def test_a_score_is_found_at_the_step_that_it_was_measured_at(
    name: str, row: Row, expected: int | None
) -> None:
    """An earlier row shows a score to be older only if it is certain to be of the same run."""
    rows = [(5, row), (9, {"epoch": 1.0, name: 0.5})]

    assert measured_before(rows, PLACE, Score(name, 0.5)) == expected
