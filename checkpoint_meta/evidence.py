"""The vocabulary of claims: which field, what value, said by whom; and what is wrong with it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"

FieldPath: TypeAlias = tuple[str, ...]
"""The one way to name a field: `("training", "epoch")`, shown as `training.epoch`."""


def show_field(path: FieldPath) -> str:
    """Return the field's name as people write it."""
    return ".".join(path)


def show_value(value: object, form: Callable[[object], str] = str, limit: int = 60) -> str:
    """Return a value as a sentence names it, cut where it is long."""
    try:
        text = form(value)
    except ValueError:
        # Python refuses to print an integer of more than 4,300 digits.
        return "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[:limit]}..."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was found."""

    source: str
    """Name of the source, such as `checkpoint` or `hydra`."""

    location: str
    """File or URL that was read, relative to the checkpoint's own folder where it can be."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one source claims about one checkpoint."""

    origin: Origin

    values: Mapping[FieldPath, JSONValue]
    """Only what the source knows: a field that is unknown has no key here."""

    decimals: Mapping[FieldPath, int] = dataclasses.field(default_factory=dict)
    """Where a number was printed, as in a file name: how many decimals it was rounded to."""

    is_default: bool = False
    """For want of anything better, such as a folder's name: it contradicts nobody."""

    notes: tuple[str, ...] = ()
    """What a person should hear of, such as two candidates of the same standing for one field."""

    faults: tuple[str, ...] = ()
    """Which files could not be read, and why."""

    refuted: Mapping[FieldPath, JSONValue] = dataclasses.field(default_factory=dict)
    """What others may claim, and this source shows to be wrong, such as an older measurement."""


class Severity(StrEnum):
    """How much a problem weighs."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text file, both from 1, as compilers count."""

    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    code: str
    """The rule's code, such as `CM102`."""

    field: FieldPath
    """The field that is concerned; empty for the whole document."""

    message: str
    severity: Severity = Severity.ERROR
    place: Place | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{show_field(self.field)}: {self.message}" if self.field else self.message
