"""The format document, its corpus and the published JSON Schema say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import CHECKPOINT_SUFFIXES, SIDECAR_SUFFIX
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, parse_yaml, read_yaml
from checkpoint_meta.rules.rulebook import select_rules
from checkpoint_meta.rules.subjects import Subject
from checkpoint_meta.schema.document import check_document, dump_document, parse_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar, render_sidecar
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import JSONValue

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "explanation" / "format.md"
CORPUS: Final = ROOT / "tests" / "corpus" / "format"
VALID: Final = sorted((CORPUS / "valid").iterdir())
EXPECTED: Final = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
SCHEMAS: Final = {
    version: json.loads(
        (ROOT / "checkpoint_meta" / "schema" / "json" / f"sidecar-{version}.json").read_text(
            encoding="utf-8"
        )
    )
    for version in ("1.0", "2.0")
}

DOCUMENT_RULES: Final = select_rules(["CM1"], ["CM110"])
"""What a document must fulfil on its own; CM110 is about its age."""

_NAMES: Final = {"boolean": "truth value", "object": "mapping"}
"""JSON Schema's word for a type -> the page's, where they differ."""

_ROW: Final = re.compile(r"^\| `([\w.\[\]]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def _shape(schema: dict[str, Any]) -> str:
    """Return the type of a field in the words of the page."""
    match schema:
        case {"anyOf": arms}:
            words = [_shape(arm) for arm in arms if arm.get("type") != "null"]
        case {"const": word}:
            words = [f"`{word}`"]
        case {"enum": [*most, last]}:
            words = [", ".join(f"`{word}`" for word in most), f"`{last}`"]
        case {"type": "string"}:
            words = [f"text `{schema['pattern']}`" if "pattern" in schema else "text"]
        case {"type": "array", "items": items}:
            words = [f"list of {_shape(items)}"]
        case {"type": "object", "additionalProperties": {"type": _} as values}:
            words = [f"mapping to {_shape(values)}"]
        case _:
            words = [_NAMES.get(schema["type"], schema["type"]) + _span(schema)]
    return " or ".join(words)


def _span(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f" >= {low}" if high is None else f" {low} to {high}"


def _fields(block: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """Yield name, type and whether it is required, of each field of the JSON Schema."""
    blocks = SCHEMAS["2.0"]["$defs"]
    for key, schema in block["properties"].items():
        for arm in schema.get("anyOf", [schema]):
            inner = arm.get("$ref") or arm.get("items", {}).get("$ref")
            if inner:
                name = f"{prefix}{key}{'[]' if 'items' in arm else ''}."
                yield from _fields(blocks[inner.rpartition("/")[2]], name)
                break
        else:
            yield prefix + key, _shape(schema), key in block.get("required", ())


def test_the_page_has_every_field_with_its_type() -> None:
    """The tables of the page and the JSON Schema name the same fields, of the same types."""
    rows = {name: kind for name, kind, _ in _ROW.findall(PAGE.read_text(encoding="utf-8"))}

    assert rows == {name: kind for name, kind, _ in _fields(SCHEMAS["2.0"])}


def test_the_page_says_what_is_required() -> None:
    """Whoever writes sidecars by the page leaves out nothing that a checker demands."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    said = {name for name, kind, meaning in rows if "Required." in meaning or kind == "`2.0`"}

    assert said == {name for name, _, required in _fields(SCHEMAS["2.0"]) if required}


def test_the_page_says_how_long_and_how_named() -> None:
    """Limits and endings on the page are those of the code."""
    page = PAGE.read_text(encoding="utf-8")

    assert f"{SIDECAR_BYTES:,} bytes" in page
    assert SIDECAR_SUFFIX in page
    assert all(f"`{suffix}`" in page for suffix in CHECKPOINT_SUFFIXES)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_valid_examples_are_valid(path: Path) -> None:
    """Our checker, the JSON Schema and the typed model take each valid example."""
    document = read_sidecar(path)

    found = validate([Subject(path)], Gate(codes=DOCUMENT_RULES))

    assert [str(finding.problem) for finding in found] == []
    jsonschema.Draft202012Validator(SCHEMAS[str(document["schema_version"])]).validate(document)
    assert parse_document(document).schema_version == "2.0"


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_valid_examples_survive_reading_and_writing(path: Path) -> None:
    """What an example says, known keys and others, is said again by what is written from it."""
    document = read_sidecar(path)

    again = parse_yaml(render_sidecar(document), path)

    assert again == document
    if document["schema_version"] == "2.0":
        assert dump_document(parse_document(document)) == document


@pytest.mark.parametrize("name", EXPECTED)
def test_invalid_examples_have_their_code_and_place(name: str) -> None:
    """Each invalid example breaks one rule, at the field, line and column that are expected."""
    expected = EXPECTED[name]

    (finding,) = validate([Subject(CORPUS / "invalid" / name)], Gate(codes=DOCUMENT_RULES))

    place = finding.problem.place
    assert finding.problem.code == expected["code"]
    assert (".".join(finding.problem.field) or None) == expected["field"]
    assert (place and place.line, place and place.column) == (expected["line"], expected["column"])


@pytest.mark.parametrize("name", EXPECTED)
def test_the_json_schema_refuses_what_it_can_express(name: str) -> None:
    """A checker that has the JSON Schema only refuses what `expected.json` says it does."""
    expected = EXPECTED[name]
    path = CORPUS / "invalid" / name

    if expected["json_schema"] == "no document":
        with pytest.raises(ReadError):
            read_yaml(path)
        return
    document = read_yaml(path)
    version = document.get("schema_version") if isinstance(document, dict) else None
    schema = SCHEMAS["1.0" if version == "1.0" else "2.0"]
    accepts = jsonschema.Draft202012Validator(schema).is_valid(document)

    assert ("accepts" if accepts else "refuses") == expected["json_schema"]
    assert accepts == ("because" in expected)


def test_every_invalid_example_is_expected() -> None:
    """Whoever adds a file says what is wrong with it; each rule about documents has examples."""
    assert set(EXPECTED) == {path.name for path in (CORPUS / "invalid").iterdir()}
    assert {one["code"] for one in EXPECTED.values()} == DOCUMENT_RULES


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"checkpointing": {"save_last": "copy"}},
            "expected a valid boolean or 'link', got 'copy'",
        ),
        ({"training": "long"}, "expected a mapping, got 'long'"),
    ],
)
def test_one_fault_is_one_sentence(value: dict[str, JSONValue], message: str) -> None:
    """What pydantic reports by the arms of a choice is one problem, at a field of the document."""
    document: dict[str, JSONValue] = {"schema_version": "2.0", "checkpoint_path": "a.ckpt", **value}

    (problem,) = check_document(document)

    assert problem.message == message
    assert look_up(document, problem.field) is not None
