"""One pass over a block finds its values, and never those of one that is not valid."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.reasons import problems_of_shape
from checkpoint_meta.schema.sure import accepts_at, required_keys, sure_values

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath

VALID: Final = Path(__file__).parents[1] / "corpus" / "format" / "valid"
FULL: Final = read_yaml(VALID / "every-field.metadata.yaml")

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([10**400, -(10**400), math.nan, math.inf, -0.0, 1.0, 1e308]),
    st.sampled_from(["", "min", "link", "2.0", "a" * 64, "\ud800", "é"]),
)
keys = st.sampled_from(["class", "class_", "epoch", "name", "source", "é", "\ud800", "x"])
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def _blocks(value: object) -> list[Any]:
    if not isinstance(value, dict):
        return []
    return [value, *(found for item in value.values() for found in _blocks(item))]


@given(st.data())
def test_what_has_sure_values_is_valid_and_has_them(data: st.DataObject) -> None:
    """Whatever is set or added in a block of a sidecar."""
    document: Any = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(0, 3))):
        block = data.draw(st.sampled_from(_blocks(document)))
        block[data.draw(st.sampled_from([*block, "x", "class_", "é"]))] = data.draw(values)

    flat = sure_values(document)

    if flat is not None:
        assert problems_of_shape(document, "2.0") == []
        assert repr(flat) == repr(flatten(document))


def test_every_field_has_sure_values() -> None:
    """A sidecar that has every field is read in one pass, whole or a block at a time."""
    assert isinstance(FULL, dict)
    assert sure_values(FULL) == flatten(FULL)
    for key, value in FULL.items():
        assert sure_values({key: value}) == flatten({key: value})


def test_the_keys_that_every_sidecar_has() -> None:
    """They are those of the schema."""
    assert required_keys() == {"schema_version", "checkpoint_path"}


@pytest.mark.parametrize(
    ("path", "fit", "unfit"),
    [
        (("metrics", "hmean"), 1, 1.5),
        (("training", "epoch"), 0, -1),
        (("training", "epoch"), 7, 7.0),
        (("metrics", "additional_metrics", "val/loss"), -3, True),
        (("metrics", "my_own"), 1, math.nan),
        (("my_own", "block"), -1.5, math.inf),
        (("checkpointing", "mode"), "max", 1),
    ],
)
def test_a_value_is_accepted_where_its_field_accepts_it(
    path: FieldPath, fit: object, unfit: object
) -> None:
    """As the whole document would be with it."""
    accepts = accepts_at(path)

    assert accepts is not None
    assert accepts(fit)
    assert not accepts(unfit)


def test_what_takes_more_than_a_look_is_not_told() -> None:
    """Inside of a value that is claimed as one, the whole value is judged."""
    assert accepts_at(("hyperparameters", "a", "b")) is None
