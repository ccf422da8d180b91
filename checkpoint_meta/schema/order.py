"""The order in which a sidecar's keys are written: the schema's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, get_args

from checkpoint_meta.schema.base import Block
from checkpoint_meta.schema.v2 import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue


def in_order(document: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the document with its keys in the schema's order; unknown keys come last."""
    return _ordered(document, CheckpointMetadata)


def with_unknown_keys(
    document: Mapping[str, JSONValue], former: Mapping[str, JSONValue]
) -> dict[str, JSONValue]:
    """Return the document with what `former` says under keys that the schema does not know.

    At every depth, whatever the value: a person put it there.
    """
    return in_order(_with_unknown(document, former, CheckpointMetadata))


def _with_unknown(
    block: Mapping[str, JSONValue], former: Mapping[str, JSONValue], model: type[Block]
) -> dict[str, JSONValue]:
    known = _children(model)
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


def _ordered(block: Mapping[str, JSONValue], model: type[Block]) -> dict[str, JSONValue]:
    known = _children(model)
    keys = [key for key in known if key in block]
    keys += [key for key in block if key not in known]
    return {key: _ordered_value(block[key], known.get(key)) for key in keys}


def _ordered_value(value: JSONValue, model: type[Block] | None) -> JSONValue:
    return _ordered(value, model) if model and isinstance(value, dict) else value


@cache
def _children(model: type[Block]) -> dict[str, type[Block] | None]:
    """Return each field's name in the document, with the model of its block if it has one."""
    return {
        field.alias or name: next(
            (
                arm
                for arm in get_args(field.annotation)
                if isinstance(arm, type) and issubclass(arm, Block)
            ),
            None,
        )
        for name, field in model.model_fields.items()
    }
