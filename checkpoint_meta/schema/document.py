"""Documents between plain and typed: checked in full, parsed, dumped."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from checkpoint_meta.errors import DocumentError
from checkpoint_meta.evidence import Problem, show_value
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.shape import is_surely_valid
from checkpoint_meta.schema.versions import SCHEMA_VERSION, VERSIONS

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.schema.v2 import CheckpointMetadata


def check_document(document: object) -> list[Problem]:
    """Return every reason why `document` is not a valid sidecar of its own version."""
    if not isinstance(document, dict):
        return [Problem("CM102", (), f"expected a mapping, got {_kind(document)}")]
    if "schema_version" not in document:
        return [Problem("CM102", ("schema_version",), "missing; is this file a sidecar of ours?")]
    version = document["schema_version"]
    if not isinstance(version, str) or version not in VERSIONS:
        known = " or ".join(repr(name) for name in VERSIONS)
        return [
            Problem(
                "CM103", ("schema_version",), f"expected {known}, got {show_value(version, repr)}"
            )
        ]
    return [*_check_shape(document, version), *_check_times(document)]


def _check_shape(document: dict[str, JSONValue], version: str) -> list[Problem]:
    if is_surely_valid(document):
        return []
    from checkpoint_meta.schema.reasons import problems_of_shape

    return problems_of_shape(document, version)


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
    from pydantic import ValidationError

    from checkpoint_meta.schema.reasons import to_problems
    from checkpoint_meta.schema.v2 import CheckpointMetadata

    try:
        return CheckpointMetadata.model_validate(migrate(document, SCHEMA_VERSION))
    except ValidationError as error:
        raise DocumentError(to_problems(document, error)) from error


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
