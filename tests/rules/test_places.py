"""Where a field stands in a text, by another parser's account of it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.evidence import Place
from checkpoint_meta.rules.places import locate, locate_second_key

TEXT = """\
# a comment
schema_version: "2.0"
training: {epoch: 3,
  global_step: 400}
metrics:
  "hmean": .nan
  additional_metrics:
    val/hmean: |
      epoch: not a key
pinned:
  - a.b
  - {c: d}
base: &base {lr: 1}
copy: *base
"""


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("schema_version", (2, 17)),
        ("training", (3, 1)),
        ("training.epoch", (3, 19)),
        ("training.global_step", (4, 16)),
        ("training.max_epochs", (3, 1)),
        ("metrics.hmean", (6, 12)),
        ("metrics.additional_metrics.val/hmean", (8, 16)),
        ("pinned.1", (12, 5)),
        ("pinned.1.c", (12, 9)),
        ("pinned.7", (10, 1)),
        ("copy.lr", (14, 7)),
        ("nowhere", (2, 1)),
    ],
)
def test_a_scalar_stands_where_it_stands_and_a_block_at_its_key(
    field: str, place: tuple[int, int]
) -> None:
    """A field that is missing stands where what it would stand in does."""
    path = tuple(field.split("."))

    assert locate(TEXT, [path]) == {path: Place(*place)}


def test_nothing_behind_the_last_field_is_parsed() -> None:
    """A fault further down is not met: what was sought was found before it."""
    broken = "training: {epoch: 3}\nmetrics: [\n"

    assert locate(broken, [("training", "epoch")]) == {("training", "epoch"): Place(1, 19)}
    assert locate(broken, [("metrics", "hmean")]) == {}


@pytest.mark.parametrize("text", ["", "# nothing\n", "a: [1", "\0", "[" * 5000])
def test_a_text_that_is_no_document_has_no_places(text: str) -> None:
    """Nothing is raised; the finding is told without a place."""
    assert locate(text, [("a", "b", "c")]) == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: {c: 1, c: 2}\n", Place(2, 11)),
        ("a: 1\nb: 2\na: 3\n", Place(3, 1)),
        ("a: 1\nb: 2\n", None),
        ("a: [\n", None),
        ("[" * 5000, None),
    ],
    ids=["flow", "block", "none", "broken", "deep"],
)
def test_a_key_that_stands_twice_is_found(text: str, place: Place | None) -> None:
    """It is the second one that is in the way."""
    assert locate_second_key(text) == place


keys = st.text("abc/ :#é", min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\n'\" :", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


class _Plain(yaml.SafeDumper):
    """Writes equal lists twice: an alias has a place of its own in our account."""

    def ignore_aliases(self, _data: object) -> bool:
        """Ignore them all."""
        return True


@given(
    document=st.dictionaries(keys, values, max_size=4),
    flow=st.sampled_from([True, False, None]),
    drawn=st.lists(st.integers(min_value=0), min_size=1, max_size=3),
)
def test_places_are_those_of_another_parser(
    document: dict[str, object], flow: bool | None, drawn: list[int]
) -> None:
    """Whichever fields are sought together, each is where PyYAML's nodes say it is."""
    text = yaml.dump(document, Dumper=_Plain, default_flow_style=flow, allow_unicode=True)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    expected = dict(_places(root, (), root))
    fields = {sorted(expected)[number % len(expected)] for number in drawn}

    assert locate(text, fields) == {field: expected[field] for field in fields}


def _places(
    node: yaml.Node, path: tuple[str, ...], key: yaml.Node
) -> list[tuple[tuple[str, ...], Place]]:
    shown = node if isinstance(node, yaml.ScalarNode) else key
    found = [(path, Place(shown.start_mark.line + 1, shown.start_mark.column + 1))]
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            found += _places(value, (*path, name.value), name)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            found += _places(item, (*path, str(number)), item)
    return found
