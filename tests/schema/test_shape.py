"""The quick check says yes to nearly every valid sidecar, and never to one that is not valid."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.reasons import problems_of_shape
from checkpoint_meta.schema.shape import Part, is_plain, is_surely_valid

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

CORPUS: Final = Path(__file__).parents[1] / "corpus"
VALID: Final = sorted((CORPUS / "format" / "valid").glob("*.yaml"))
FULL: Final = [
    read_yaml(CORPUS / "format" / "valid" / f"{name}.metadata.yaml")
    for name in ("version-1.0", "every-field")
]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([10**400, -(10**400), 2**1023, math.nan, math.inf, -0.0, 1.0, 1e308]),
    st.floats(),
    st.sampled_from(["", "min", "link", "convert", "1.0", "2.0", "a" * 64, "\ud800", "é"]),
)
keys = st.sampled_from(["class", "class_", "epoch", "name", "source", "fields", "é", "\ud800", "x"])
values: st.SearchStrategy[JSONValue] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def _blocks(value: object) -> list[Any]:
    """Return every mapping and list in a document, itself included."""
    if not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [value, *(found for item in inner for found in _blocks(item))]


@given(st.data())
def test_what_is_surely_valid_is_valid(data: st.DataObject) -> None:
    """Whatever is set, added or taken out anywhere: the model accepts all that the check does."""
    document = copy.deepcopy(data.draw(st.sampled_from(FULL)))
    for _ in range(data.draw(st.integers(1, 3))):
        block: Any = data.draw(st.sampled_from(_blocks(document)))
        places = [*block] if isinstance(block, dict) else [*range(len(block))]
        change = data.draw(st.sampled_from(["set", "take out", "add"]))
        if places and change == "set":
            block[data.draw(st.sampled_from(places))] = data.draw(values)
        elif places and change == "take out":
            del block[data.draw(st.sampled_from(places))]
        elif isinstance(block, dict):
            block[data.draw(keys)] = data.draw(values)
        else:
            block.append(data.draw(values))

    if is_surely_valid(document):
        assert isinstance(document, dict)
        assert problems_of_shape(document, str(document["schema_version"])) == []


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.name.partition(".")[0])
def test_every_valid_example_is_surely_valid(file: Path) -> None:
    """Otherwise every catalog would build the models, and be half as fast."""
    assert is_surely_valid(read_yaml(file))


@pytest.mark.parametrize("document", [None, [], "2.0", {}, {"schema_version": 2.0}])
def test_what_is_no_sidecar_is_not_surely_one(document: JSONValue) -> None:
    """Whatever a file holds, the check has an answer."""
    assert not is_surely_valid(document)


def test_a_deep_value_is_left_to_the_model() -> None:
    """No nesting exhausts the stack."""
    deep: JSONValue = 1
    for _ in range(100_000):
        deep = [deep]

    assert not is_plain(deep)
    assert is_plain([[[{"a": [1, None, "x", 0.5]}]]])


def test_nothing_is_sure_of_what_a_schema_says_in_other_words() -> None:
    """A keyword that the check does not know makes it ask the model."""
    schema = {"type": "string", "maxLength": 3}

    assert not Part.of(schema, "2.0").accepts("abc")
    assert Part.of({"type": "string"}, "2.0").accepts("abc")


def test_a_valid_sidecar_is_judged_without_pydantic() -> None:
    """Its models take 15 MB and a tenth of a second, which a catalog has no use for."""
    code = (
        "import sys\n"
        "from checkpoint_meta.schema.document import check_document\n"
        "assert check_document({'schema_version': '2.0', 'checkpoint_path': 'x.ckpt'}) == []\n"
        "assert 'pydantic' not in sys.modules\n"
        "assert check_document({'schema_version': '2.0'})[0].code == 'CM104'\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
