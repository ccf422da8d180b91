"""What a valid document looks like, as a check that says yes or "ask the model".

Nearly every sidecar is valid, and a catalog asks for thousands of them. The check is compiled from
the published JSON Schema. It never accepts what the model refuses; what it does not accept the
model judges, which knows the reasons.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from checkpoint_meta.schema.published import JSONSchema, published, referred
from checkpoint_meta.schema.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Check: TypeAlias = Callable[[Any], bool]

_LARGEST: Final = 1e300
"""Beyond it the model is asked: not every whole number is a float."""

_DEPTH: Final = 16
"""Of what is nested deeper the model is asked."""

_NONE: Final[frozenset[type]] = frozenset()
_TEXTS: Final[frozenset[type]] = frozenset({str})
_NUMBERS: Final[frozenset[type]] = frozenset({int, float})
_SCALARS: Final[frozenset[type]] = frozenset({str, int, bool, type(None)})
_KEYWORDS: Final = frozenset(
    {"$ref", "anyOf", "type", "properties", "required", "additionalProperties", "items"}
    | {"minimum", "maximum", "pattern", "enum", "const", "title", "description", "default"}
    | {"$schema", "$id", "$defs"}
)
"""What a part of a schema may say; where it says something else, nothing is sure."""

_LIMITS: Final = frozenset({"minimum", "maximum", "pattern", "enum", "const"})
_KINDS: Final[dict[object, type]] = {
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
}


def is_surely_valid(document: object) -> bool:
    """Tell whether `document` is a valid sidecar of its own version, without a doubt.

    It then holds nothing but what JSON has names for. Times are not looked at.
    """
    if type(document) is not dict:
        return False
    version = document.get("schema_version")
    return type(version) is str and version in VERSIONS and _shape(version)(document)


@cache
def _shape(version: str) -> Check:
    return Part.of(published(version), version).accepts


class Part(NamedTuple):
    """What is accepted in one place."""

    kinds: frozenset[type]
    """Types of which every value is."""

    check: Check
    """Judges values of other types."""

    values: Part | None = None
    """What is accepted in a mapping of any keys."""

    def accepts(self, value: object) -> bool:
        """Tell whether a value is surely valid there."""
        return type(value) in self.kinds or self.check(value)

    def accepts_all(self, values: Collection[object]) -> bool:
        """Tell whether values are surely valid there."""
        kinds, check = self.kinds, self.check
        if kinds:
            return kinds.issuperset(map(type, values)) or all(map(self.accepts, values))
        return all(map(check, values))

    @classmethod
    def of(cls, schema: JSONSchema, version: str) -> Part:
        """Return what a part of a schema accepts."""
        arms = [
            cls._of_arm(referred(arm, version), version) for arm in schema.get("anyOf", [schema])
        ]
        kinds = frozenset().union(*(arm.kinds for arm in arms))
        checks = [arm.check for arm in arms if arm.check is not _refuse]
        if len(checks) > 1:
            return cls(kinds, lambda value: any(check(value) for check in checks))
        values = next((arm.values for arm in arms if arm.values), None)
        return cls(kinds, checks[0] if checks else _refuse, values)

    @classmethod
    def _of_arm(cls, schema: JSONSchema, version: str) -> Part:
        if not schema:
            return cls(_SCALARS, is_plain)
        if not _KEYWORDS.issuperset(schema):
            return cls(_NONE, _refuse)
        kind = _KINDS.get(schema["type"])
        if kind is not None and schema.keys().isdisjoint(_LIMITS):
            return cls(frozenset({kind}), _refuse)
        if "additionalProperties" in schema and "properties" not in schema:
            values = cls.of(schema["additionalProperties"], version)
            return cls(_NONE, _mapping(values), values)
        return cls(_NONE, _checks_of_text(schema) or _checks_of_others(schema, version))


def _checks_of_text(schema: JSONSchema) -> Check | None:
    if "pattern" in schema:
        return _matching(re.compile(schema["pattern"]))
    texts = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return _one_of(frozenset(texts)) if texts else None


def _checks_of_others(schema: JSONSchema, version: str) -> Check:
    low, high = schema.get("minimum", -_LARGEST), schema.get("maximum", _LARGEST)
    match schema["type"]:
        case "integer":
            return _whole(low, high)
        case "number":
            return _number(low, high)
        case "array":
            return _list(Part.of(schema["items"], version))
    fields = {key: Part.of(field, version) for key, field in schema["properties"].items()}
    return _block(fields, frozenset(schema.get("required", ())))


def is_plain(value: object, depth: int = _DEPTH) -> bool:
    """Tell whether a value is surely what JSON has names for, and no deeper than `depth`."""
    if type(value) in _SCALARS or _is_number(value):
        return True
    inner: Collection[object]
    if type(value) is dict and _TEXTS.issuperset(map(type, value)):
        inner = value.values()
    elif type(value) is list:
        inner = value
    else:
        return False
    if _SCALARS.issuperset(map(type, inner)):
        return True
    return depth > 0 and all(is_plain(item, depth - 1) for item in inner)


def _refuse(_: object) -> bool:
    return False


def _one_of(texts: frozenset[str]) -> Check:
    return lambda value: type(value) is str and value in texts


def _matching(pattern: re.Pattern[str]) -> Check:
    return lambda value: type(value) is str and pattern.fullmatch(value) is not None


def _whole(low: float, high: float) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> Check:
    # Not true for NaN, which is neither more nor less than anything.
    return lambda value: type(value) in _NUMBERS and low <= value <= high


_is_number: Final = _number(-_LARGEST, _LARGEST)


def _list(part: Part) -> Check:
    accepts = part.accepts_all
    return lambda value: type(value) is list and accepts(value)


def _mapping(part: Part) -> Check:
    accepts = part.accepts_all
    return lambda value: (
        type(value) is dict and _TEXTS.issuperset(map(type, value)) and accepts(value.values())
    )


def _block(fields: Mapping[str, Part], required: frozenset[str]) -> Check:
    kinds = {key: part.kinds for key, part in fields.items()}
    checks = {key: part.check for key, part in fields.items()}

    def check(value: object) -> bool:
        if type(value) is not dict or not required <= value.keys():
            return False
        for key, inner in value.items():
            if key not in kinds:
                if not is_extra(key) or not is_plain(inner):
                    return False
            elif type(inner) not in kinds[key] and not checks[key](inner):
                return False
        return True

    return check


def is_extra(key: object) -> bool:
    """Tell whether a key is surely one that the model keeps as it is.

    It knows a key such as `class` under the name of its attribute too, `class_`.
    """
    return type(key) is str and key.isascii() and not key.endswith("_")
