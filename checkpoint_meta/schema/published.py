"""The JSON Schemas as they ship: what other tools check sidecars by, and the order of fields.

They are written from the models (`scripts/export_schema.py`), whose building takes ten times as
long as to read them, and 15 MB.
"""

from __future__ import annotations

import json
import pkgutil
from functools import cache
from typing import Any, TypeAlias

JSONSchema: TypeAlias = dict[str, Any]


@cache
def published(version: str) -> JSONSchema:
    """Return the JSON Schema of a version of ours."""
    raw = pkgutil.get_data("checkpoint_meta.schema", f"json/sidecar-{version}.json")
    schema: JSONSchema = json.loads(raw or b"{}")
    return schema


def referred(schema: JSONSchema, version: str) -> JSONSchema:
    """Return what a part of the version's schema refers to, or the part itself."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: JSONSchema = published(version)["$defs"][name] if name else schema
    return found
