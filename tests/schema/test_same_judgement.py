"""Our checker and the published JSON Schema judge any document alike, but for what is written."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.document import check_document

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

ROOT: Final = Path(__file__).parents[2]
CORPUS: Final = ROOT / "tests" / "corpus" / "format" / "valid"
SCHEMAS: Final = {
    version: jsonschema.Draft202012Validator(
        json.loads(
            (ROOT / "checkpoint_meta" / "schema" / "json" / f"sidecar-{version}.json").read_text(
                encoding="utf-8"
            )
        )
    )
    for version in ("1.0", "2.0")
}
FULL: Final = {
    version: read_yaml(CORPUS / f"{name}.metadata.yaml")
    for version, name in {"1.0": "version-1.0", "2.0": "every-field"}.items()
}

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(-2, 2),
    st.just(math.nan),
    st.just(math.inf),
    st.sampled_from(["", "min", "max", "link", "training", "convert", "unknown", "2.0", "1.0"]),
    st.text(max_size=5),
    st.lists(st.integers(-1, 3) | st.text(max_size=2), max_size=3),
    st.dictionaries(st.sampled_from(["name", "epoch", "a"]), st.integers(-1, 2), max_size=2),
)


def _places(value: JSONValue, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for key, item in inner for found in _places(item, (*path, key)))]


def _changed(document: JSONValue, path: tuple[str | int, ...], value: JSONValue) -> JSONValue:
    made = copy.deepcopy(document)
    block = made
    for key in path[:-1]:
        block = block[key]  # type: ignore[index]
    block[path[-1]] = value  # type: ignore[index]
    return made


def _holds(value: JSONValue, kind: str) -> bool:
    """Tell whether a document holds what the JSON Schema cannot judge."""
    if isinstance(value, dict):
        return any(_holds(item, kind) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, kind) for item in value)
    if not isinstance(value, float):
        return False
    return value.is_integer() if kind == "whole" else not math.isfinite(value)


@given(st.data())
def test_any_change_of_a_valid_sidecar_is_judged_alike(data: st.DataObject) -> None:
    """Whatever one value becomes, both accept the document or both refuse it.

    Apart from what docs/explanation/format.md names: numbers that are not finite, whole numbers
    with a point, and times.
    """
    version = data.draw(st.sampled_from(["1.0", "2.0"]))
    full = FULL[version]
    path = data.draw(st.sampled_from([one for one in _places(full) if one]))
    document = _changed(full, path, data.draw(values))
    if path == ("schema_version",):
        return

    problems = [one for one in check_document(document) if one.code != "CM108"]
    accepts = SCHEMAS[version].is_valid(document)

    if not problems:
        assert accepts
    elif not (_holds(document, "whole") or _holds(document, "infinite")):
        assert not accepts, problems


@given(st.data())
def test_every_problem_is_at_a_place_of_the_document(data: st.DataObject) -> None:
    """A field that is named is there, or is the one that is missing: never pydantic's own words."""
    full = FULL["2.0"]
    path = data.draw(st.sampled_from([one for one in _places(full) if one]))
    document = _changed(full, path, data.draw(values))

    for problem in check_document(document):
        named = problem.field if problem.code != "CM104" else problem.field[:-1]
        assert named in {tuple(map(str, place)) for place in _places(document)}
