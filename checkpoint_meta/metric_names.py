"""Which logged name stands for precision, recall, hmean or the validation loss. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "precision": ("precision",),
    "recall": ("recall",),
    "hmean": ("hmean", "f1", "f1_score"),
    "validation_loss": ("loss",),
}
"""Field below `metrics` -> the names that a logged metric may end in."""

_VALIDATION: Final = re.compile(
    r"(?:(?:.*/)?(?:val|valid|validation)/(?:.*/)?|(?:val|valid|validation)_)"
)
_NEVER: Final = re.compile(r"(?:^|/)(?:train|test|batch_\d+)(?:/|_)")


@dataclass(frozen=True, slots=True)
class NamedMetrics:
    """Logged metrics by the fields that they belong to."""

    values: Mapping[FieldPath, JSONValue]
    notes: tuple[str, ...] = ()


def name_metrics(
    logged: Mapping[str, float], aliases: Mapping[str, str] | None = None
) -> NamedMetrics:
    """Sort logged metrics into the fields of `metrics`.

    Every finite metric stands in `additional_metrics` under its own name. Beside that, a name
    stands for a field where what follows `val/` or `val_` is one of the field's `SPELLINGS`, or
    the bare name is (not for the loss: a bare `loss` is the training's). `aliases` (field ->
    logged name) outranks both. Two candidates of the same standing with different values name
    none, and a note tells.
    """
    finite = {name: value for name, value in logged.items() if math.isfinite(value)}
    notes = [f"{name} is {logged[name]}, left out" for name in logged if name not in finite]
    values: dict[FieldPath, JSONValue] = {
        ("metrics", "additional_metrics", name): value
        for name, value in finite.items()
        if name not in SPELLINGS
    }
    for field in SPELLINGS:
        candidates = _candidates(field, finite, aliases or {})
        if len({finite[name] for name in candidates}) > 1:
            notes.append(f"metrics.{field}: {' and '.join(candidates)} differ, none is taken")
        elif candidates and _fits(field, finite[candidates[0]]):
            values["metrics", field] = finite[candidates[0]]
        elif candidates:
            name = candidates[0]
            notes.append(f"metrics.{field}: {name} is {finite[name]}, outside 0 to 1")
            values["metrics", "additional_metrics", name] = finite[name]
    return NamedMetrics(values, tuple(notes))


def _candidates(field: str, finite: Mapping[str, float], aliases: Mapping[str, str]) -> list[str]:
    """Return the names of the best standing that stand for `field`."""
    if field in aliases:
        return [aliases[field]] if aliases[field] in finite else []
    ranked = [(standing(field, name), name) for name in finite]
    best = min((rank for rank, _ in ranked if rank is not None), default=None)
    return [name for rank, name in ranked if rank is not None and rank == best]


def standing(field: str, name: str) -> int | None:
    """Return how well a logged name stands for `field`: 0 validation, 1 bare, `None` not."""
    if _NEVER.search(name):
        return None
    if name in SPELLINGS[field] or name == field:
        return None if name == "loss" else 1
    prefix = _VALIDATION.match(name)
    if prefix and name[prefix.end() :] in SPELLINGS[field]:
        return 0
    return None


def is_of_training(name: str) -> bool:
    """Tell whether a logged name says that the training, a test or one batch measured it."""
    return _NEVER.search(name) is not None


def is_of_validation(name: str) -> bool:
    """Tell whether a logged name says that a validation measured it."""
    return not is_of_training(name) and _VALIDATION.match(name) is not None


def is_short_for(short: str, name: str) -> bool:
    """Tell whether `short` is a logged name without its `val/`, `val_` or folder."""
    if _NEVER.search(name):
        return False
    prefix = _VALIDATION.match(name)
    return short == (name[prefix.end() :] if prefix else name.rsplit("/", 1)[-1])


def _fits(field: str, value: float) -> bool:
    return field == "validation_loss" or 0 <= value <= 1
