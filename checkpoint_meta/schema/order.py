"""The order in which a sidecar's keys are written: the schema's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.schema.published import JSONSchema, published, referred
from checkpoint_meta.schema.versions import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

Outline: TypeAlias = "dict[str, Outline | None]"
"""Each key of a block in its place, with the outline of the block that it holds if it has one."""


def in_order(document: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the document with its keys in the schema's order; unknown keys come last."""
    return _ordered(document, outline())


def with_unknown_keys(
    document: Mapping[str, JSONValue], former: Mapping[str, JSONValue]
) -> dict[str, JSONValue]:
    """Return the document with what `former` says under keys that the schema does not know.

    At every depth, whatever the value: a person put it there.
    """
    return in_order(_with_unknown(document, former, outline()))


@cache
def outline() -> Outline:
    """Return the outline of a whole sidecar."""
    return _outline(published(SCHEMA_VERSION))


def _outline(block: JSONSchema) -> Outline:
    return {
        key: next((_outline(arm) for arm in _arms(field) if "properties" in arm), None)
        for key, field in block["properties"].items()
    }


def _arms(field: JSONSchema) -> list[JSONSchema]:
    return [referred(arm, SCHEMA_VERSION) for arm in field.get("anyOf", [field])]


def _with_unknown(
    block: Mapping[str, JSONValue], former: Mapping[str, JSONValue], known: Outline
) -> dict[str, JSONValue]:
    merged = dict(block)
    for key, value in former.items():
        if key not in known:
            merged.setdefault(key, value)
            continue
        inner, now = known[key], merged.get(key)
        if inner and isinstance(value, dict) and isinstance(now, dict | None):
            kept = _with_unknown(now or {}, value, inner)
            if kept:
                merged[key] = kept
    return merged


def _ordered(block: Mapping[str, JSONValue], known: Outline) -> dict[str, JSONValue]:
    keys = [key for key in known if key in block]
    keys += [key for key in block if key not in known]
    return {key: _ordered_value(block[key], known.get(key)) for key in keys}


def _ordered_value(value: JSONValue, known: Outline | None) -> JSONValue:
    return _ordered(value, known) if known and isinstance(value, dict) else value
