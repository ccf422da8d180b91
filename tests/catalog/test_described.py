"""A sidecar read by its blocks says what it says as a whole, and is refused where that is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.catalog import described, templates
from checkpoint_meta.catalog.described import read_described
from checkpoint_meta.errors import CheckpointMetaError
from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.text import dump_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import FieldPath, JSONValue

VALID: Final = Path(__file__).parents[1] / "corpus" / "format" / "valid"
FULL: Final = read_yaml(VALID / "every-field.metadata.yaml")

numbers = st.one_of(
    st.integers(-2, 12),
    st.floats(-0.5, 1.5),
    st.sampled_from([10**17, 10**30, 0.1 + 0.2, 1e-05, 1e22, 5e-324, -0.0, 123456789.125]),
)
others: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, "0.5", "7", "x: 0.25", "a\n  b: 0.5\nc: 1", [1, 0.5], {}]
)


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    described._reader.cache_clear()
    yield
    described._reader.cache_clear()


Told = tuple["JSONValue", "dict[FieldPath, JSONValue]"] | str


def _told(text: str, *, whole: bool, by_blocks: bool) -> Told:
    """Return what a text says, or why it is refused."""
    try:
        if by_blocks:
            found = described._by_blocks(text, whole=whole)
            if found is None:
                return "left to the whole"
        else:
            found = described._as_a_whole(text, "sidecar", whole=whole)
        return found.document, dict(found.values)
    except CheckpointMetaError as error:
        return str(error)


def _leaves(value: Any) -> list[tuple[Any, Any]]:
    """Return every place that holds a number."""
    places = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, Any]] = []
    for key, inner in places:
        if isinstance(inner, (dict, list)):
            found += _leaves(inner)
        elif isinstance(inner, (int, float)) and not isinstance(inner, bool):
            found.append((value, key))
    return found


@given(st.data(), st.booleans())
def test_blocks_say_what_the_whole_says(data: st.DataObject, whole: bool) -> None:
    """Of sidecars that differ in numbers, or in more: values, their types, and refusals."""
    for _ in range(data.draw(st.integers(1, 6))):
        document = copy.deepcopy(FULL)
        for block, key in _leaves(document):
            if data.draw(st.booleans()):
                block[key] = data.draw(numbers if data.draw(st.integers(0, 9)) else others)
        text = dump_text(document)  # type: ignore[arg-type]

        told = _told(text, whole=whole, by_blocks=True)

        if told != "left to the whole":
            expected = _told(text, whole=whole, by_blocks=False)
            assert told == expected
            assert repr(told) == repr(expected)


@pytest.mark.parametrize("file", sorted(VALID.glob("*.yaml")), ids=lambda file: file.name)
@pytest.mark.parametrize("whole", [True, False])
def test_every_valid_example_is_read_alike(file: Path, whole: bool) -> None:
    """Those that are not plain too, and an older version."""
    text = file.read_text(encoding="utf-8-sig")

    found = read_described(str(file), whole=whole)

    assert (found.document, dict(found.values)) == _told(text, whole=whole, by_blocks=False)


def _sidecar(hmean: object, loss: object) -> str:
    metrics = f"  hmean: {hmean}\n  additional_metrics:\n    val/loss: {loss}\n"
    return f'schema_version: "2.0"\ncheckpoint_path: a.ckpt\nmetrics:\n{metrics}'


def test_numbers_alone_are_not_parsed_as_yaml(parsed: list[str]) -> None:
    """The metrics of each checkpoint differ; where their numbers stand is learned once."""
    found = [
        described._by_blocks(_sidecar(share / 100, -share - 0.5), whole=False)
        for share in range(100)
    ]

    assert len(parsed) == 3
    assert found[70] is not None
    assert dict(found[70].values) == {
        ("metrics", "hmean"): 0.7,
        ("metrics", "additional_metrics", "val/loss"): -70.5,
    }
    assert found[70].document["metrics"] == {
        "hmean": 0.7,
        "additional_metrics": {"val/loss": -70.5},
    }


@pytest.mark.parametrize("hmean", ["1.5", "-0.25", "2", "nan", "1.0e+400", "01.5", "1_000"])
def test_a_number_that_does_not_fit_is_refused(hmean: str) -> None:
    """Whatever fits around it was read before."""
    for share in ("0.1", "0.2", "0.3"):
        assert _told(_sidecar(share, "0.5"), whole=False, by_blocks=True) != "left to the whole"

    assert _told(_sidecar(hmean, "0.5"), whole=False, by_blocks=True) == "left to the whole"


def test_a_number_in_a_text_stays_one() -> None:
    """What looks like a line with a number may be part of a text, or of a value of its own."""
    for number in range(11, 15):
        block = f'exp_name: "x\n  a: 0.{number}\n  b: {number}\n  y"\n'
        text = f'schema_version: "2.0"\ncheckpoint_path: a.ckpt\n{block}'
        told = _told(text, whole=False, by_blocks=True)
        assert told == _told(text, whole=False, by_blocks=False)
        assert f"a: 0.{number}" in str(told)


@pytest.mark.parametrize("constant", ["7306211", "2940683", "0.7306211", "7306212", "0.5"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_number_that_looks_like_a_mark_is_none(constant: str, whole: bool) -> None:
    """A number beside one that stands in a text: neither takes the other's place."""
    field = "max_epochs" if "." not in constant else "my_own"
    for number in (2, 3, 4, 5):
        inner = f'  {field}: {constant} # c\n  custom: "x\n    y: {number}\n    z"\n'
        text = f'schema_version: "2.0"\ncheckpoint_path: a.ckpt\ntraining:\n{inner}'

        told = _told(text, whole=whole, by_blocks=True)

        assert told in ("left to the whole", _told(text, whole=whole, by_blocks=False))
        assert described._by_blocks(text, whole=whole) is not None


def test_templates_are_not_remembered_for_ever() -> None:
    """However many texts there are around numbers."""
    reader = templates.Templates(lambda _: None)

    for name in range(5000):
        reader.fill(f"a{name}: 1\nb: 2")
        reader.fill(f"a{name}: 3\nb: 4")

    assert len(reader._known) <= 512
    assert len(reader._met) <= 512
