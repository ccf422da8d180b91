"""Which step each logged metric was measured at; Lightning keeps values, but not their age."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkpoint_meta.training.interface import address_of, to_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.training.interface import TrainerLike


@dataclass(frozen=True, slots=True)
class Measurement:
    """One logged value and the moment when it was first seen."""

    value: object
    """What Lightning holds, mostly a tensor; kept, so that its memory is not used again."""

    epoch: int
    global_step: int
    by_validation: bool


@dataclass(frozen=True, slots=True)
class LastValidation:
    """A validation that ran before the step in question."""

    epoch: int
    global_step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known at one step."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Measured at this very step."""

    last_validation: LastValidation | None = None
    """The newest validation, where it ran at an earlier step."""


class MetricTracker:
    """Tells a fresh value from one that only stands there still."""

    def __init__(self) -> None:
        self._measurements: dict[str, Measurement] = {}

    def observe(self, trainer: TrainerLike) -> None:
        """Stamp what has changed since the last look with the Trainer's present step.

        Reads `callback_metrics`: on all ranks or on none.
        """
        known = self._measurements
        epoch, step = trainer.current_epoch, trainer.global_step
        by_validation = trainer.validating or trainer.sanity_checking
        self._measurements = {
            name: known[name]
            if name in known and _is_unchanged(known[name].value, value)
            else Measurement(value, epoch, step, by_validation)
            for name, value in trainer.callback_metrics.items()
        }

    def measured_at(self, global_step: int) -> Measured:
        """Return what was measured at this step, and the newest validation before it."""
        fresh = {
            name: one for name, one in self._measurements.items() if one.global_step == global_step
        }
        older = {
            name: one
            for name, one in self._measurements.items()
            if one.by_validation and name not in fresh
        }
        validated_here = any(one.by_validation for one in fresh.values())
        last = None if validated_here or not older else _last_validation(older)
        return Measured(_numbers(fresh), last)


def _last_validation(older: Mapping[str, Measurement]) -> LastValidation:
    newest = max(older.values(), key=lambda one: one.global_step)
    metrics = {name: one for name, one in older.items() if one.global_step == newest.global_step}
    numbers = {name: value for name, value in _numbers(metrics).items() if math.isfinite(value)}
    return LastValidation(newest.epoch, newest.global_step, numbers)


def _numbers(measurements: Mapping[str, Measurement]) -> dict[str, float]:
    numbers = {name: to_number(one.value) for name, one in measurements.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def _is_unchanged(before: object, now: object) -> bool:
    """Tell whether this is still the value of before, and not a new one that is equal.

    Lightning hands out a new tensor over the same memory at each reading, and a copy on the CPU
    once it has torn down. Where memory tells nothing, as on a TPU, equal values pass for the same:
    rather a fresh value too few than a stale one too many.
    """
    if before is now:
        return True
    is_elsewhere = getattr(before, "device", None) != getattr(now, "device", None)
    places = address_of(before), address_of(now)
    if is_elsewhere or 0 in places:
        return to_number(before) == to_number(now)
    return places[0] == places[1]
