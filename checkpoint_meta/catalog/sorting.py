"""Which checkpoint comes first: best first, missing last, ties by path. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from checkpoint_meta.catalog.fields import Field, asked_field, known_fields
from checkpoint_meta.catalog.values import is_known
from checkpoint_meta.errors import QueryError
from checkpoint_meta.metric_names import SPELLINGS, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue

    Values: TypeAlias = Mapping[FieldPath, JSONValue]

Item = TypeVar("Item")
Comparable: TypeAlias = tuple[int, float, str]

_HIGH: Final = re.compile(r"precision|recall|hmean|f1|acc(?:uracy)?|\w*iou")
_LOW: Final = re.compile(r"\w*(?:loss|error)\w*")
_WORD: Final = re.compile(r"[a-z0-9]+")

MONITOR: Final[FieldPath] = ("checkpointing", "monitor")
MODE: Final[FieldPath] = ("checkpointing", "mode")
SCORE: Final[FieldPath] = ("checkpointing", "score")


class Order(StrEnum):
    """Which end comes first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True)
class SortKey:
    """A field to sort by; without an order, the better end comes first."""

    field: Field
    order: Order | None = None


def parse_sort_key(text: str) -> SortKey:
    """Return the key that `KEY`, `KEY:asc` or `KEY:desc` says.

    Raises:
        QueryError: if several fields have that name, or it is neither of the two.
    """
    name, colon, order = text.rpartition(":")
    if colon and order in set(Order):
        return SortKey(asked_field(name), Order(order))
    if colon and known_fields(name):
        raise QueryError(text, len(name) + 1, "expected asc or desc")
    return SortKey(asked_field(text))


ModesOfRows: TypeAlias = tuple[tuple[str, str, int], ...]
"""Monitor, mode, and how many of some rows have these two."""


def modes_of(monitors: Iterable[JSONValue], modes: Iterable[JSONValue]) -> ModesOfRows:
    """Return how often each monitor has which mode; what is no mode is left out."""
    pairs = zip(monitors, modes, strict=False)
    counted = Counter((str(monitor), mode) for monitor, mode in pairs if mode in ("min", "max"))
    return tuple((monitor, str(mode), count) for (monitor, mode), count in counted.items())


class Modes:
    """Which way the rows' own runs sort: counted while the rows pass by."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        """`aliases` (field -> logged name) are the user's metric names."""
        self._aliases = aliases or {}
        self._counted: Counter[ModesOfRows] = Counter()

    def count(self, modes: ModesOfRows) -> None:
        """Count the modes of some rows; most folders have the same."""
        self._counted[modes] += 1

    def better_order(self, field: Field) -> Order:
        """Return the order that puts the better rows first.

        The mode of those that monitor this very metric decides, the more frequent one if they
        differ; else the metric's name does.
        """
        surplus = sum(
            times * (count if mode == "max" else -count)
            for modes, times in self._counted.items()
            for monitor, mode, count in modes
            if _is_of(monitor, field, self._aliases)
        )
        if surplus == 0:
            return order_by_name(field.paths[-1][-1])
        return Order.DESCENDING if surplus > 0 else Order.ASCENDING


def better_order(
    field: Field, rows: Iterable[Values], aliases: Mapping[str, str] | None = None
) -> Order:
    """Return the order that puts the better of these rows first."""
    modes = Modes(aliases)
    for row in rows:
        modes.count(modes_of([row.get(MONITOR)], [row.get(MODE)]))
    return modes.better_order(field)


def _is_of(monitor: str, field: Field, aliases: Mapping[str, str]) -> bool:
    """Tell whether the monitor is the field's metric: `val/hmean` is `metrics.hmean`."""
    name = field.paths[-1][-1]
    if SCORE in field.paths or monitor in (name, field.name, aliases.get(name)):
        return True
    return name in SPELLINGS and standing(name, monitor) is not None


def order_by_name(name: str) -> Order:
    """Return the order that a metric's name suggests."""
    words = _WORD.findall(name.lower())
    if any(_LOW.fullmatch(word) for word in words):
        return Order.ASCENDING
    high = any(_HIGH.fullmatch(word) for word in words)
    return Order.DESCENDING if high else Order.ASCENDING


def sort_rows(
    rows: Iterable[Item],
    keys: Sequence[tuple[Field, Order]],
    values_of: Callable[[Item], Values],
    path_of: Callable[[Item], str],
) -> list[Item]:
    """Return the rows by the first key, equal ones by the next, at last by path."""
    ordered = sorted(rows, key=path_of)
    for field, order in reversed(keys):
        known: list[tuple[Comparable, Item]] = []
        missing: list[Item] = []
        for row in ordered:
            value = field.value(values_of(row))
            if is_known(value):
                known.append((comparable(value), row))
            else:
                missing.append(row)
        known.sort(key=itemgetter(0), reverse=order is Order.DESCENDING)
        ordered = [row for _, row in known] + missing
    return ordered


def comparable(value: JSONValue) -> Comparable:
    """Return what compares with any other value: numbers with numbers, texts with texts."""
    if isinstance(value, (bool, int, float)):
        return 0, value, ""
    return 1, 0, value if isinstance(value, str) else str(value)
