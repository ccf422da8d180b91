"""Why a document is not valid: the models judge it, and each error is a problem with a place.

Apart from the rest of the schema, since building the models takes 0.1 s and 15 MB, and most
documents are valid: `schema.shape` tells so without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from checkpoint_meta.evidence import Problem, show_value
from checkpoint_meta.schema.v1 import SidecarV1
from checkpoint_meta.schema.v2 import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from checkpoint_meta.evidence import FieldPath
    from checkpoint_meta.schema.base import Block

MODELS: Final[dict[str, type[Block]]] = {"1.0": SidecarV1, "2.0": CheckpointMetadata}
"""Schema version -> what a document of that version is."""

_CODES: Final = {
    "missing": "CM104",
    "finite_number": "CM106",
    "greater_than_equal": "CM107",
    "less_than_equal": "CM107",
    "string_pattern_mismatch": "CM107",
    "literal_error": "CM107",
}
"""pydantic's kind of error -> rule; any other is a wrong type, CM105."""


def problems_of_shape(document: object, version: str) -> list[Problem]:
    """Return every reason why `document` is not what a sidecar of this version is."""
    try:
        MODELS[version].model_validate(document)
    except ValidationError as error:
        return to_problems(document, error)
    return []


def to_problems(document: object, error: ValidationError) -> list[Problem]:
    """Return one problem for each place; the arms of a choice, such as true or `link`, are one."""
    found: dict[FieldPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        named = tuple(str(part) for part in detail["loc"])
        field = named if detail["type"] == "missing" else _real(document, named)
        found.setdefault(field, []).append(detail)
    return [_to_problem(field, details) for field, details in found.items()]


def _real(document: object, field: FieldPath) -> FieldPath:
    """Return as much of a path as the document has: pydantic adds the arm of a choice."""
    block = document
    for place, part in enumerate(field):
        if isinstance(block, dict) and part in block:
            block = block[part]
        elif isinstance(block, list) and part.isdecimal() and int(part) < len(block):
            block = block[int(part)]
        else:
            return field[:place]
    return field


def _to_problem(field: FieldPath, details: Sequence[ErrorDetails]) -> Problem:
    code = _CODES.get(details[0]["type"], "CM105")
    if code == "CM104":
        return Problem(code, field, "missing")
    expected = " or ".join(_expectation(detail) for detail in details)
    return Problem(code, field, f"expected {expected}, got {show_value(details[0]['input'], repr)}")


def _expectation(detail: ErrorDetails) -> str:
    if detail["type"] in {"dict_type", "model_type"}:
        return "a mapping"
    return detail["msg"].removeprefix("Input should be ").removeprefix("String should match ")
