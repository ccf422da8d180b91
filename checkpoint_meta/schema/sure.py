"""What a current sidecar says under one key, checked and taken apart in one pass.

A catalog asks for thousands of them; to check first and to flatten then takes twice as long.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from checkpoint_meta.schema.fields import WHOLE, flatten_into
from checkpoint_meta.schema.published import JSONSchema, published, referred
from checkpoint_meta.schema.shape import Part, is_extra, is_plain
from checkpoint_meta.schema.versions import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.schema.shape import Check

    Flat = dict[FieldPath, JSONValue]


def sure_values(block: Mapping[str, object]) -> Flat | None:
    """Return some values of a document by field, as `flatten` does.

    `None` if it is not sure that a current sidecar may hold them; which keys it must have is
    another question.
    """
    flat: Flat = {}
    return flat if _whole().take(block, flat) else None


def required_keys() -> frozenset[str]:
    """Return the keys that a current sidecar must have."""
    return _whole().required


def accepts_at(path: FieldPath) -> Check | None:
    """Return a check that tells of values whether a current sidecar may surely hold them there.

    `None` where that takes more than a look at the value.
    """
    return _accepts_at(_whole(), *path)


def _accepts_at(block: _Block, key: str, *rest: str) -> Check | None:
    part = block.parts.get(key)
    if part is None:
        return is_plain
    if not rest:
        return part.accepts
    if key in block.blocks:
        return _accepts_at(block.blocks[key], *rest)
    return part.values.accepts if part.values and len(rest) == 1 else None


class _Block:
    """A mapping of fields: what is accepted in each, and its path."""

    def __init__(self, schema: JSONSchema, path: FieldPath = ()) -> None:
        self.path = path
        self.required = frozenset(schema.get("required", ()))
        fields = schema["properties"]
        self.parts = {key: Part.of(field, SCHEMA_VERSION) for key, field in fields.items()}
        self.kinds = {key: part.kinds for key, part in self.parts.items()}
        self.paths = {key: (*path, key) for key in fields}
        arms = {key: _block_in(field) for key, field in fields.items()}
        self.blocks = {
            key: _Block(arm, self.paths[key])
            for key, arm in arms.items()
            if arm and self.paths[key] not in WHOLE
        }

    def take(self, value: Mapping[Any, Any], flat: Flat) -> bool:
        """Put the values of a mapping into `flat`; tell whether all of it is sure."""
        kinds, paths = self.kinds, self.paths
        for key, inner in value.items():
            if key not in kinds:
                if not (is_extra(key) and is_plain(inner)):
                    return False
                flatten_into(flat, (*self.path, key), inner)
            elif type(inner) in kinds[key]:
                flat[paths[key]] = inner
            elif key in self.blocks and type(inner) is dict:
                if not self.blocks[key].take(inner, flat):
                    return False
            elif not self.parts[key].check(inner):
                return False
            elif type(inner) is dict:
                flatten_into(flat, paths[key], inner)
            else:
                flat[paths[key]] = inner
        return not self.path or self.required <= value.keys()


def _block_in(field: JSONSchema) -> JSONSchema | None:
    arms = (referred(arm, SCHEMA_VERSION) for arm in field.get("anyOf", [field]))
    return next((arm for arm in arms if "properties" in arm), None)


@cache
def _whole() -> _Block:
    return _Block(published(SCHEMA_VERSION))
