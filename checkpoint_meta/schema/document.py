"""Documents between plain and typed: checked in full, parsed, dumped."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from checkpoint_meta.errors import DocumentError
from checkpoint_meta.evidence import Problem, show_value
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.v1 import SidecarV1
from checkpoint_meta.schema.v2 import SCHEMA_VERSION, CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from checkpoint_meta.evidence import FieldPath, JSONValue
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


def check_document(document: object) -> list[Problem]:
    """Return every reason why `document` is not a valid sidecar of its own version."""
    if not isinstance(document, dict):
        return [Problem("CM102", (), f"expected a mapping, got {_kind(document)}")]
    if "schema_version" not in document:
        return [Problem("CM102", ("schema_version",), "missing; is this file a sidecar of ours?")]
    version = document["schema_version"]
    if not isinstance(version, str) or version not in MODELS:
        known = " or ".join(repr(name) for name in MODELS)
        return [
            Problem(
                "CM103", ("schema_version",), f"expected {known}, got {show_value(version, repr)}"
            )
        ]
    return [*_check_shape(document, MODELS[version]), *_check_times(document)]


def _check_shape(document: object, model: type[Block]) -> list[Problem]:
    try:
        model.model_validate(document)
    except ValidationError as error:
        return _to_problems(document, error)
    return []


def _to_problems(document: object, error: ValidationError) -> list[Problem]:
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


def _check_times(document: dict[str, JSONValue]) -> list[Problem]:
    """Return a problem where a 2.0 time leaves open which moment it means."""
    written = document.get("created_at")
    if document["schema_version"] == "1.0" or not isinstance(written, str):
        return []
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return [Problem("CM108", ("created_at",), f"expected an ISO 8601 time, got {written!r}")]
    if moment.tzinfo is None:
        return [Problem("CM108", ("created_at",), f"{written!r} has no zone; add Z for UTC")]
    return []


def parse_document(document: object) -> CheckpointMetadata:
    """Return the typed sidecar; a 1.0 document is upgraded.

    Raises:
        DocumentError: with every reason why it is not valid. Times are not among them.
    """
    problems = [problem for problem in check_document(document) if problem.code != "CM108"]
    if problems or not isinstance(document, dict):
        raise DocumentError(problems)
    try:
        return CheckpointMetadata.model_validate(migrate(document, SCHEMA_VERSION))
    except ValidationError as error:
        raise DocumentError(_to_problems(document, error)) from error


def dump_document(metadata: CheckpointMetadata) -> dict[str, JSONValue]:
    """Return the plain document: what was set, under the names that files use."""
    plain: dict[str, JSONValue] = metadata.model_dump(by_alias=True, exclude_unset=True)
    return plain


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"
