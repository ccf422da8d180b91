"""The reference of a sidecar's fields, from the models that check them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from checkpoint_meta.schema.reasons import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = "reference/sidecar.md"

CURRENT: Final = "2.0"

HEAD: Final = """\
# Fields of a sidecar

What `<stem>.metadata.yaml` may say, schema 2.0. All fields but the two that are marked may be
missing: what is not known is left out. Keys that are not listed here are yours, and are kept.
`ckpt-meta schema` prints the JSON Schema, for editors and for check-jsonschema; `ckpt-meta schema
--schema 1.0` prints the older one.

| field | type | meaning |
| --- | --- | --- |
"""

Schema = dict[str, Any]

_LEAVES: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


def render() -> str:
    """Return the page."""
    schema = MODELS[CURRENT].model_json_schema(by_alias=True)
    return HEAD + "".join(f"{line}\n" for line in _lines((), schema, schema["$defs"]))


def fields_without_meaning() -> list[str]:
    """Return the names of the fields that nobody has explained."""
    schema = MODELS[CURRENT].model_json_schema(by_alias=True)
    return [
        ".".join(path)
        for path, field, _ in _fields((), schema, schema["$defs"])
        if not _meaning(field, schema["$defs"])
    ]


def _fields(
    above: tuple[str, ...], block: Schema, parts: Mapping[str, Schema]
) -> Iterator[tuple[tuple[str, ...], Schema, bool]]:
    """Yield each field below a block: its path, its schema, and whether it is required."""
    for name, field in block["properties"].items():
        path = (*above, name)
        yield path, field, name in block.get("required", ())
        inner = _block(field, parts)
        if inner is not None:
            nested = (*above, f"{name}[]") if _is_list(field) else path
            yield from _fields(nested, inner, parts)


def _lines(above: tuple[str, ...], block: Schema, parts: Mapping[str, Schema]) -> Iterator[str]:
    for path, field, required in _fields(above, block, parts):
        name = ".".join(path)
        needed = ", required" if required else ""
        yield f"| `{name}` | {_type(field, parts)}{needed} | {_meaning(field, parts)} |"


def _kinds(field: Schema) -> list[Schema]:
    """Return what a field may be, beside null."""
    return [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]


def _is_list(field: Schema) -> bool:
    return any(one.get("type") == "array" for one in _kinds(field))


def _block(field: Schema, parts: Mapping[str, Schema]) -> Schema | None:
    for kind in _kinds(field):
        reference = kind.get("$ref") or kind.get("items", {}).get("$ref")
        if reference:
            part = parts[reference.rpartition("/")[2]]
            return part if "properties" in part else None
    return None


def _meaning(field: Schema, parts: Mapping[str, Schema]) -> str:
    block = _block(field, parts)
    text = field.get("description") or (block or {}).get("description") or ""
    return " ".join(text.split()).replace("|", "\\|")


def _type(field: Schema, parts: Mapping[str, Schema]) -> str:
    return " or ".join(dict.fromkeys(_kind(one, parts) for one in _kinds(field)))


def _kind(kind: Schema, parts: Mapping[str, Schema]) -> str:
    if "const" in kind:
        return f"`{kind['const']}`"
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    match kind.get("type"):
        case "array":
            return f"list of {_plural(_type(kind['items'], parts))}"
        case "object":
            return _mapping(kind, parts)
        case str(name):
            return _LEAVES[name] + _range(kind)
    return "block" if _block(kind, parts) else "anything"


def _plural(kind: str) -> str:
    return kind if kind == "anything" else f"{kind}s"


def _mapping(kind: Schema, parts: Mapping[str, Schema]) -> str:
    values = kind.get("additionalProperties")
    inner = _type(values, parts) if isinstance(values, dict) else "anything"
    return f"mapping to {inner}"


def _range(kind: Schema) -> str:
    match kind:
        case {"minimum": low, "maximum": high}:
            return f", {low:g} to {high:g}"
        case {"minimum": low}:
            return f", {low:g} or more"
        case {"pattern": pattern}:
            return f" matching `{pattern}`"
    return ""
