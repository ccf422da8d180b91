"""What differs between checkpoints, field by field. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import show_field
from checkpoint_meta.resolve import agrees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue

_ORDER: Final = (
    "metrics",
    "training",
    "checkpointing",
    "model",
    "hyperparameters",
    "hydra_overrides",
    "config",
    "environment",
)
"""What people look for comes first; everything else behind it."""

_OWN: Final = frozenset(
    {
        "schema_version",
        "checkpoint_path",
        "checkpoint",
        "created_at",
        "written_by",
        "provenance",
        "upgraded_from",
        "hydra_config_path",
        "pinned",
    }
)
"""What differs between any two checkpoints, and says nothing about either."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, and its value in each checkpoint, in the order in which they were given."""

    field: FieldPath
    values: tuple[JSONValue, ...]

    @property
    def name(self) -> str:
        """Return the field's name as people write it."""
        return show_field(self.field)

    @property
    def is_equal(self) -> bool:
        """Tell whether all of them say the same."""
        first, *others = self.values
        return all(agrees(first, other) for other in others)


def compare(
    checkpoints: Sequence[Mapping[FieldPath, JSONValue]], *, unchanged: bool = False
) -> list[Difference]:
    """Return the fields in which the checkpoints differ; with `unchanged`, all fields."""
    flat = [dict(_leaves(values)) for values in checkpoints]
    fields = {field: None for values in flat for field in values}
    found = [Difference(field, tuple(one.get(field) for one in flat)) for field in fields]
    shown = [one for one in found if unchanged or not one.is_equal]
    return sorted(shown, key=lambda one: _rank(one.field))


def _rank(field: FieldPath) -> tuple[int, FieldPath]:
    block = field[0]
    return (_ORDER.index(block) if block in _ORDER else len(_ORDER)), field


def _leaves(values: Mapping[FieldPath, JSONValue]) -> Iterator[tuple[FieldPath, JSONValue]]:
    for field, value in values.items():
        if field[0] not in _OWN:
            yield from leaves_of(field, value)


def leaves_of(field: FieldPath, value: JSONValue) -> Iterator[tuple[FieldPath, JSONValue]]:
    """Yield each value inside a field that is kept whole."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves_of((*field, key), inner)
    else:
        yield field, value
