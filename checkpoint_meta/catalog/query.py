"""The language of `--where`: a small grammar of our own, parsed into conditions. Pure.

hmean >= 0.8 and (architecture == "dbnet" or encoder in ["resnet18", "resnet34"])
not exp_name matches /debug|smoke/i and wandb_run_id is not missing
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.conditions import (
    OPERATORS,
    Among,
    Comparison,
    Condition,
    Containing,
    Junction,
    Matching,
    Missing,
    Negation,
    Scalar,
)
from checkpoint_meta.catalog.fields import Field, ambiguity, find_field
from checkpoint_meta.catalog.pattern_syntax import compile_pattern
from checkpoint_meta.catalog.patterns import PatternError
from checkpoint_meta.catalog.scanner import Scanner
from checkpoint_meta.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

LONGEST: Final = 4096
"""Characters that a query may have."""

DEEPEST: Final = 50
"""Parentheses and `not` in one another."""

_NAME: Final = re.compile(r"`([^`]+)`|([^\W\d][\w./@:%+-]*)")
_OPERATOR: Final = re.compile("|".join(OPERATORS))
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'')
_PATTERN: Final = re.compile(r"/((?:[^/\\\[]|\\.|\[(?:\\.|[^\]\\])*\])*)/(i?)")
_ESCAPE: Final = re.compile(r"\\(.)")

_KEYWORDS: Final = frozenset(
    ("and", "or", "not", "in", "contains", "matches", "is", "missing", "true", "false")
)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed expression."""

    expression: str
    condition: Condition

    def matches(self, row: Mapping[FieldPath, JSONValue]) -> bool:
        """Tell whether the row meets the query; a value that is missing or NaN never does."""
        return self.condition.test(row) is True

    def fields(self) -> tuple[Field, ...]:
        """Return each field that is asked for."""
        return tuple(self.condition.fields())


def parse_query(text: str) -> Query:
    """Return the query that `text` says.

    Raises:
        QueryError: with the place where it stops making sense.
    """
    if len(text) > LONGEST:
        raise QueryError(text[:60] + "...", 0, f"longer than {LONGEST} characters")
    return Query(text, _Parser(text).parse())


def join_queries(queries: Iterable[Query]) -> Query | None:
    """Return the query that all of them meet, `None` for none."""
    given = tuple(queries)
    if len(given) <= 1:
        return given[0] if given else None
    expression = " and ".join(f"({query.expression})" for query in given)
    return Query(expression, Junction(tuple(query.condition for query in given), decisive=False))


@dataclass(slots=True)
class _Parser(Scanner):
    """Recursive descent."""

    depth: int = 0

    def parse(self) -> Condition:
        condition = self._either()
        self.skip()
        if self.place < len(self.text):
            raise self.error("expected and, or, or the end")
        return condition

    def _either(self) -> Condition:
        return self._joined(self._both, "or", decisive=True)

    def _both(self) -> Condition:
        return self._joined(self._single, "and", decisive=False)

    def _joined(self, part: Callable[[], Condition], word: str, *, decisive: bool) -> Condition:
        parts = [part()]
        while self.take_word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts), decisive)

    def _single(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} levels of ( ) and not")
        condition = self._negated() if self.take_word("not") else self._whole()
        self.depth -= 1
        return condition

    def _negated(self) -> Condition:
        return Negation(self._single())

    def _whole(self) -> Condition:
        if not self.take("("):
            return self._asked()
        condition = self._either()
        if not self.take(")"):
            raise self.error("expected )")
        return condition

    def _asked(self) -> Condition:
        field = self._field()
        if sign := self.match(_OPERATOR):
            return Comparison(field, sign[0], self._value())
        if self.take_word("is"):
            return self._missing(field)
        if self.take_word("not"):
            return Negation(self._relation(field))
        return self._relation(field)

    def _missing(self, field: Field) -> Condition:
        negated = self.take_word("not")
        if not self.take_word("missing"):
            raise self.error("expected missing")
        return Negation(Missing(field)) if negated else Missing(field)

    def _relation(self, field: Field) -> Condition:
        if self.take_word("in"):
            return Among(field, self._values())
        if self.take_word("contains"):
            return Containing(field, self._value())
        if self.take_word("matches"):
            return self._matching(field)
        if self.text.startswith("=", self.place):
            raise self.error("use == to compare")
        raise self.error(f"expected {' '.join(OPERATORS)}, in, contains, matches or is missing")

    def _field(self) -> Field:
        self.skip()
        begin = self.place
        found = self.match(_NAME)
        if found is None or found[0] in _KEYWORDS:
            self.place = begin
            raise self.error("expected FIELD OPERATOR VALUE")
        name = found[1] or found[2]
        if reason := ambiguity(name):
            self.place = begin
            raise self.error(reason)
        return find_field(name)

    def _values(self) -> tuple[Scalar, ...]:
        if not self.take("["):
            raise self.error("expected [ and values")
        values: list[Scalar] = []
        while not self.take("]"):
            if values and not self.take(","):
                raise self.error("expected , or ]")
            values.append(self._value())
        return tuple(values)

    def _value(self) -> Scalar:
        if number := self.match(_NUMBER):
            written = number[0]
            return int(written) if re.fullmatch(r"[-+]?\d+", written) else float(written)
        if quoted := self.match(_TEXT):
            return _ESCAPE.sub(r"\1", quoted[1] if quoted[1] is not None else quoted[2])
        for word, meaning in (("true", True), ("false", False)):
            if self.take_word(word):
                return meaning
        self.skip()
        if bare := _NAME.match(self.text, self.place):
            raise self.error(f"put a text in quotes: {json.dumps(bare[0])}")
        raise self.error("expected a number, a text in quotes, true or false")

    def _matching(self, field: Field) -> Condition:
        self.skip()
        begin = self.place
        found = self.match(_PATTERN)
        if found is None:
            raise self.error("expected /EXPRESSION/")
        written = found[1].replace(r"\/", "/")
        try:
            pattern = compile_pattern(written, ignore_case=bool(found[2]))
        except PatternError as error:
            place = min(begin + 1 + error.position, self.place)
            raise QueryError(self.text, place, error.reason) from error
        return Matching(field, pattern)
