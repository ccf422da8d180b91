"""Fields by path: documents as flat claims, and back, in the schema's own order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

WHOLE: Final[frozenset[FieldPath]] = frozenset(
    {
        ("checkpoint",),
        ("hyperparameters",),
        ("last_validation",),
        ("provenance",),
        ("upgraded_from",),
        ("written_by",),
        ("model", "decoder", "params"),
        ("model", "head", "params"),
        ("model", "loss", "params"),
        ("model", "parameters"),
    }
)
"""Mappings that are claimed and resolved as one value."""


def flatten(document: Mapping[str, JSONValue]) -> dict[FieldPath, JSONValue]:
    """Return the document's values by field; empty mappings have none."""
    flat: dict[FieldPath, JSONValue] = {}
    for key, value in document.items():
        flatten_into(flat, (key,), value)
    return flat


def flatten_into(flat: dict[FieldPath, JSONValue], path: FieldPath, value: JSONValue) -> None:
    """Put the values at and below a path into `flat`."""
    if isinstance(value, dict) and path not in WHOLE:
        for key, inner in value.items():
            flatten_into(flat, (*path, key), inner)
    else:
        flat[path] = value


def nest(values: Mapping[FieldPath, JSONValue]) -> dict[str, JSONValue]:
    """Return the values as a document.

    Where one field's path runs through another's value, the longer path wins.
    """
    document: dict[str, JSONValue] = {}
    for path in sorted(values, key=len):
        put(document, path, values[path])
    return document


def put(document: dict[str, JSONValue], path: FieldPath, value: JSONValue) -> None:
    """Set the value at `path`; the mappings on the way are made where there are none."""
    block = document
    for key in path[:-1]:
        inner = block.get(key)
        if not isinstance(inner, dict):
            inner = {}
            block[key] = inner
        block = inner
    block[path[-1]] = value


def look_up(document: Mapping[str, JSONValue], path: Iterable[str]) -> JSONValue:
    """Return the value at `path`, or `None` where the document has none."""
    value: JSONValue = dict(document)
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
