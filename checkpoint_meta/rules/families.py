"""Families of models that a program can load, and how far a model is from each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

ENCODER: Final = ("model", "encoder", "model_name")

NAMES: Final = frozenset({("model", "decoder", "name"), ("model", "head", "name")})
"""Fields whose values have aliases."""

COMPARED: Final[tuple[FieldPath, ...]] = (
    ("model", "decoder", "name"),
    ("model", "decoder", "output_channels"),
    ("model", "decoder", "inner_channels"),
    ("model", "decoder", "in_channels"),
    ("model", "head", "name"),
    ("model", "head", "in_channels"),
)


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are built alike."""

    id: str
    encoders: tuple[str, ...]
    values: Mapping[FieldPath, JSONValue]
    """What the family says of the fields of `COMPARED`; a field that is not here may be any."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which a model is not as its family."""

    field: FieldPath
    expected: JSONValue
    got: JSONValue


@dataclass(frozen=True, slots=True)
class Fit:
    """The family that a model is nearest to, and what keeps it from being one of it."""

    family: Family
    differences: tuple[Difference, ...]


def nearest_family(
    families: Iterable[Family],
    value_of: Callable[[FieldPath], JSONValue],
    aliases: Mapping[str, str],
) -> Fit | None:
    """Return the nearest of the families that name the model's encoder, `None` if none does.

    Fields are compared where both sides know them. The fewest differences win; a tie goes to the
    smaller output of the decoder, then to the id.
    """
    encoder = value_of(ENCODER)
    fits = [
        Fit(family, _differences(family, value_of, aliases))
        for family in families
        if encoder in family.encoders
    ]
    return min(fits, key=_distance, default=None)


def _distance(fit: Fit) -> tuple[int, float, str]:
    output = fit.family.values.get(("model", "decoder", "output_channels"))
    size = output if isinstance(output, (int, float)) else float("inf")
    return len(fit.differences), size, fit.family.id


def _differences(
    family: Family, value_of: Callable[[FieldPath], JSONValue], aliases: Mapping[str, str]
) -> tuple[Difference, ...]:
    found = []
    for field in COMPARED:
        expected, got = family.values.get(field), value_of(field)
        if expected is None or got in (None, []):
            continue
        if _canonical(field, expected, aliases) != _canonical(field, got, aliases):
            found.append(Difference(field, expected, got))
    return tuple(found)


def _canonical(field: FieldPath, value: JSONValue, aliases: Mapping[str, str]) -> JSONValue:
    if field not in NAMES or not isinstance(value, str):
        return value
    # A class path is an alias by its last part.
    name = value.rsplit(".", 1)[-1]
    return aliases.get(name, name)
