"""What a query asks of a row: true, false, or neither where the row does not say. Pure.

A comparison with a value that is missing or NaN is neither, and so is its opposite: such a row
passes no condition but `is missing`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from checkpoint_meta.catalog.values import is_known, is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.patterns import Automaton
    from checkpoint_meta.evidence import FieldPath, JSONValue

Scalar: TypeAlias = bool | int | float | str

_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

OPERATORS: Final = ("==", "!=", "<=", ">=", "<", ">")


class Condition(Protocol):
    """One condition on a row."""

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Tell whether the row meets it; `None` where that cannot be told."""
        ...

    def fields(self) -> Iterator[Field]:
        """Yield each field that is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Junction:
    """Several conditions, joined by `and` or by `or`."""

    parts: tuple[Condition, ...]
    decisive: bool
    """What one part must say to decide the whole: `False` for `and`, `True` for `or`."""

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Ask each part until one decides."""
        answer: bool | None = not self.decisive
        for part in self.parts:
            found = part.test(row)
            if found is self.decisive:
                return found
            if found is None:
                answer = None
        return answer

    def fields(self) -> Iterator[Field]:
        """Yield those of each part."""
        for part in self.parts:
            yield from part.fields()


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite; what cannot be told stays so."""

    part: Condition

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Turn the answer round."""
        found = self.part.test(row)
        return None if found is None else not found

    def fields(self) -> Iterator[Field]:
        """Yield those of the part."""
        yield from self.part.fields()


@dataclass(frozen=True, slots=True)
class Missing:
    """`FIELD is missing`."""

    field: Field

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool:
        """Tell whether the row has no value there."""
        return self.field.value(row) is None

    def fields(self) -> Iterator[Field]:
        """Yield the one field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class Comparison:
    """`FIELD OPERATOR VALUE`."""

    field: Field
    sign: str
    wanted: Scalar

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Compare; values of different kinds are different, and neither is greater."""
        value = self.field.value(row)
        if not is_known(value):
            return None
        if self.sign in ("==", "!="):
            return is_same(value, self.wanted) == (self.sign == "==")
        return _is_ordered(self.sign, value, self.wanted)

    def fields(self) -> Iterator[Field]:
        """Yield the one field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class Among:
    """`FIELD in [VALUES]`."""

    field: Field
    wanted: tuple[Scalar, ...]

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Tell whether the value is one of them."""
        value = self.field.value(row)
        if not is_known(value):
            return None
        return any(is_same(value, one) for one in self.wanted)

    def fields(self) -> Iterator[Field]:
        """Yield the one field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class Containing:
    """`FIELD contains VALUE`: a part of a text, an item of a list, a key of a mapping."""

    field: Field
    wanted: Scalar

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Look for it; a number or a truth value contains nothing."""
        match self.field.value(row):
            case str() as text:
                return isinstance(self.wanted, str) and self.wanted in text
            case list() as items:
                return any(is_same(item, self.wanted) for item in items)
            case dict() as block:
                return self.wanted in block
            case _:
                return None

    def fields(self) -> Iterator[Field]:
        """Yield the one field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class Matching:
    """`FIELD matches /EXPRESSION/`."""

    field: Field
    pattern: Automaton

    def test(self, row: Mapping[FieldPath, JSONValue]) -> bool | None:
        """Search the text; anything else is no text."""
        value = self.field.value(row)
        return self.pattern.search(value) if isinstance(value, str) else None

    def fields(self) -> Iterator[Field]:
        """Yield the one field."""
        yield self.field


def _is_ordered(sign: str, value: JSONValue, wanted: Scalar) -> bool | None:
    compare: Callable[..., bool] = _ORDERS[sign]
    if isinstance(value, bool) or isinstance(wanted, bool):
        return None
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return compare(value, wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        return compare(value, wanted)
    return None
