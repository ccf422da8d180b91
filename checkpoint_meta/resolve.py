"""From many claims to one value a field: trust decides, and the losers are kept. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue, Origin

PRECEDENCE: Final = (
    "pinned",
    "training",
    "checkpoint",
    "sidecar-1.0",
    "hydra",
    "config",
    "logs",
    "wandb",
    "filename",
    "file",
)
"""Names of the sources, the most trusted first."""

FLOAT32_TOLERANCE: Final = 2e-6
"""Relative difference up to which two numbers are one: scores are stored as float32."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A claim that lost to a different value."""

    field: FieldPath
    value: JSONValue
    origin: Origin


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is taken to be true of one checkpoint, and why."""

    values: Mapping[FieldPath, JSONValue]
    provenance: Mapping[FieldPath, Origin]
    conflicts: Sequence[Conflict] = ()
    notes: Sequence[str] = ()


def resolve(fragments: Iterable[Fragment], *, precedence: Sequence[str] = PRECEDENCE) -> Resolution:
    """Pick each field's value from the most trusted source that claims it.

    The order in which the fragments are given makes no difference. A source that `precedence`
    does not name comes last.
    """
    rank = {source: place for place, source in enumerate(precedence)}
    values: dict[FieldPath, JSONValue] = {}
    provenance: dict[FieldPath, Origin] = {}
    conflicts: list[Conflict] = []
    notes: list[str] = []
    for fragment in sorted(fragments, key=lambda one: _order(one, rank)):
        notes += (*fragment.notes, *fragment.faults)
        for field, value in fragment.values.items():
            if field not in values:
                values[field] = value
                provenance[field] = fragment.origin
            elif not fragment.is_default and not agrees(
                values[field], value, fragment.decimals.get(field)
            ):
                conflicts.append(Conflict(field, value, fragment.origin))
    return Resolution(values, provenance, tuple(conflicts), tuple(notes))


def _order(fragment: Fragment, rank: Mapping[str, int]) -> tuple[int, bool, str, str, str]:
    source = fragment.origin.source
    content = repr(sorted(fragment.values.items(), key=lambda item: item[0]))
    place = rank.get(source, len(rank))
    return place, fragment.is_default, source, fragment.origin.location, content


def agrees(value: JSONValue, claim: JSONValue, decimals: int | None = None) -> bool:
    """Tell whether a claim says the same as the value that was taken.

    Numbers may differ by what float32 cannot tell apart, or, where the claim was printed with so
    many `decimals`, by what was rounded away.
    """
    if isinstance(value, bool) or isinstance(claim, bool):
        return value is claim
    if isinstance(value, (int, float)) and isinstance(claim, (int, float)):
        return value == claim or _close(value, claim, decimals)
    return value == claim


def _close(value: float, claim: float, decimals: int | None) -> bool:
    try:
        if decimals is not None and abs(value - claim) <= 0.5 * 10**-decimals + 1e-9:
            return True
        return math.isclose(value, claim, rel_tol=FLOAT32_TOLERANCE)
    except OverflowError:
        # An integer beyond every float, beside a float.
        return False
