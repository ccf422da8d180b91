"""Which row of a log is a checkpoint's own: the logged step, then proof by score. Pure.

Lightning logs `_batches_that_stepped`, not `global_step`; `docs/explanation/step-rule.md` tells
the cases. What cannot be proved is said, and never written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from checkpoint_meta.metric_names import is_of_training, is_short_for
from checkpoint_meta.resolve import agrees
from checkpoint_meta.schema.fields import look_up

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from checkpoint_meta.readers.contents import CheckpointContents

EPOCH: Final = "epoch"
"""Name under which Lightning logs the epoch of each row."""

Row = dict[str, float]

_BATCHES: Final = ("fit_loop", "epoch_loop.state_dict", "_batches_that_stepped")
_PROGRESS: Final = ("fit_loop", "epoch_progress", "current")
_BATCH: Final = ("fit_loop", "epoch_loop.batch_progress", "current")
_VALIDATIONS: Final = (
    ("fit_loop", "epoch_loop.val_loop.batch_progress", "total", "ready"),
    ("fit_loop", "epoch_loop.val_loop.epoch_loop.batch_progress", "total", "ready"),
)
"""Batches that were validated since the training epoch began; up to Lightning 1.9 the second."""

PLACEHOLDERS: Final = frozenset({"hp_metric"})
"""What TensorBoardLogger logs for its own sake."""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_STEP_BEFORE_1_6: Final = (1, 6, 0)


class Finding(StrEnum):
    """What a log says about one checkpoint."""

    VERIFIED = "verified"
    """The row's monitored metric is the score that the checkpoint carries."""

    EXACT = "exact"
    """Step and epoch are certain, and the checkpoint carries no score to compare."""

    PROBABLE = "probable"
    """Rows are there, but nothing shows that one of them is this checkpoint's."""

    CONFLICT = "conflict"
    """A row is there, and its monitored metric is another than the checkpoint's score."""

    NONE = "none"
    """No validation was logged at that step."""

    @property
    def is_written(self) -> bool:
        """Tell whether the row's numbers are this checkpoint's metrics."""
        return self in (Finding.VERIFIED, Finding.EXACT)


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """Where in a log the validation of a checkpoint stands."""

    steps: tuple[int, ...]
    epochs: frozenset[int]
    """A row of another epoch is another's."""

    is_certain: bool = True
    """Else only a score shows that a row at one of `steps` is the checkpoint's."""


@dataclass(frozen=True, slots=True)
class Score:
    """A number that the checkpoint itself carries: proof, where a row has the same."""

    name: str
    value: float
    decimals: int | None = None
    """Where it was printed in a file name: how many decimals it was rounded to."""

    def names_in(self, row: Collection[str]) -> list[str]:
        """Return the names under which `row` has the monitored metric.

        Lightning forks what is logged each step and each epoch; a file name may leave out the
        folder of a name, as `hmean` for `val/hmean`.
        """
        forks = (self.name, f"{self.name}_epoch", f"{self.name}_step")
        names = [name for name in forks if name in row]
        if names or self.decimals is None:
            return names
        return [name for name in row if is_short_for(self.name, name)]

    def of(self, row: Mapping[str, float]) -> float | None:
        """Return the row's number under the monitored name."""
        return next((row[name] for name in self.names_in(row)), None)

    def is_proved_by(self, row: Mapping[str, float]) -> bool:
        """Tell whether the row carries this very number."""
        return any(agrees(row[name], self.value, self.decimals) for name in self.names_in(row))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one log says about one checkpoint."""

    finding: Finding
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The row's numbers, also of a row that is not written."""

    reason: str = ""

    measured_at: int | None = None
    """Where the score was not measured at its step: the earlier one that it was measured at."""


def logged_step(contents: CheckpointContents) -> LoggedStep | None:
    """Return where the checkpoint's validation was logged; `None` where that cannot be known."""
    batches = _count(contents, _BATCHES)
    if batches is not None:
        return _by_batches(contents, batches)
    version, step = _version(contents.lightning_version), contents.global_step
    if step is None or contents.epoch is None or version is None or version > (1, 6, 4):
        return None
    if version < _STEP_BEFORE_1_6:
        # At that time a checkpoint had the number of the epoch that comes next.
        return LoggedStep((step - 1,), frozenset({contents.epoch - 1, contents.epoch}))
    epochs = frozenset({contents.epoch - 1, contents.epoch})
    return LoggedStep((step - 1, step), epochs, is_certain=False)


def _by_batches(contents: CheckpointContents, batches: int) -> LoggedStep:
    ready, processed = (_count(contents, (*_PROGRESS, key)) for key in ("ready", "processed"))
    # Behind the end of a training epoch the count is one ahead of the step that is logged.
    ended = ready is not None and processed is not None and processed >= ready
    # The epoch in the checkpoint is one ahead where it was saved after the training.
    epoch = ready - 1 if ready else contents.epoch
    return LoggedStep(
        (batches - 1 if ended else batches,), frozenset(() if epoch is None else (epoch,))
    )


def is_score_stale(contents: CheckpointContents, monitor: str) -> bool:
    """Tell whether the score in the checkpoint's state is an earlier validation's.

    So it is where the checkpoint was written in the middle of a batch, as `every_n_train_steps`
    does, and where nothing was validated in its epoch. What the training logs is fresh, apart
    from the mean of an epoch that had not ended.
    """
    if is_of_training(monitor):
        return monitor.endswith("_epoch") and _is_before_end(contents)
    processed, completed = (_count(contents, (*_BATCH, key)) for key in ("processed", "completed"))
    if processed is not None and completed is not None and processed > completed:
        return True
    return any(_count(contents, path) == 0 for path in _VALIDATIONS)


def _is_before_end(contents: CheckpointContents) -> bool:
    ready, processed = (_count(contents, (*_PROGRESS, key)) for key in ("ready", "processed"))
    return ready is not None and processed is not None and processed < ready


def _count(contents: CheckpointContents, path: Iterable[str]) -> int | None:
    value = look_up(contents.loops or {}, path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _version(text: str | None) -> tuple[int, int, int] | None:
    found = _VERSION.match(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def judge(rows: Iterable[Row], place: LoggedStep, score: Score | None) -> Verdict:
    """Return what the rows at `place.steps` say.

    A row of another epoch is passed over. With a score only a row that carries it counts; without
    one, rows that disagree with each other are of different runs, and none of them counts.
    """
    here = [row for row in rows if EPOCH not in row or row[EPOCH] in place.epochs]
    if score is not None:
        return _by_score(here, score)
    dated = [row for row in here if EPOCH in row]
    if not here:
        return Verdict(Finding.NONE, reason="no row at its step")
    agreed = _merged(_agreeing(dated))
    if not agreed or not place.is_certain:
        reason = "rows at its step that differ" if dated else "a row at its step without an epoch"
        return Verdict(Finding.PROBABLE, _merged(here), reason)
    return Verdict(Finding.EXACT, agreed)


def measured_before(rows: Iterable[tuple[int, Row]], place: LoggedStep, score: Score) -> int | None:
    """Return the last step before `place` whose row carries the score.

    `rows` are those that have the monitored metric, each with its step. Only those of its epoch
    count, and of earlier ones for what the training logs: a mean may be of the epoch before.
    """
    last = max(place.epochs, default=-1.0)
    first = 0.0 if is_of_training(score.name) else last
    return max(
        (
            step
            for step, row in rows
            if step < min(place.steps)
            and first <= row.get(EPOCH, -1.0) <= last
            and score.is_proved_by(row)
        ),
        default=None,
    )


def _by_score(rows: Sequence[Row], score: Score) -> Verdict:
    carrying = [row for row in rows if score.of(row) is not None]
    proved = [row for row in carrying if score.is_proved_by(row)]
    if not carrying:
        return Verdict(Finding.NONE, reason=f"no row at its step has {score.name}")
    if not proved:
        reason = f"{score.name} is {score.of(carrying[0])} there, and {score.value} in it"
        return Verdict(Finding.CONFLICT, _merged(carrying), reason)
    own = _merged(_agreeing(proved)) or _merged(proved[:1], only=score.names_in(proved[0]))
    if len(proved) < len(carrying):
        # Two attempts passed this step: nothing shows whose the other rows are.
        return Verdict(Finding.VERIFIED, own)
    epochs = {row[EPOCH] for row in proved if EPOCH in row}
    others = [
        row
        for row in rows
        if row not in proved
        and row.get(EPOCH) in epochs
        and not any(_disagree(row, one) for one in proved)
    ]
    return Verdict(Finding.VERIFIED, _merged(_agreeing(others)) | own)


def _agreeing(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that disagree with no other row on any number."""
    return [
        row
        for place, row in enumerate(rows)
        if not any(_disagree(row, other) for at, other in enumerate(rows) if at != place)
    ]


def _disagree(one: Row, other: Row) -> bool:
    return any(
        not _same(number, other[name])
        for name, number in one.items()
        if name in other and name != EPOCH
    )


def _same(one: float, other: float) -> bool:
    return agrees(one, other) or (math.isnan(one) and math.isnan(other))


def _merged(rows: Iterable[Row], only: Sequence[str] | None = None) -> dict[str, float]:
    return {
        name: number
        for row in rows
        for name, number in row.items()
        if name != EPOCH and name not in PLACEHOLDERS and (only is None or name in only)
    }
