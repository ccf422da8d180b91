from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers.yaml import parse_yaml
from checkpoint_meta.readers.yaml_layout import comments_of
from checkpoint_meta.store import render_sidecar

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

    Document: TypeAlias = dict[str, JSONValue]

EDITED = """\
%YAML 1.1
--- # head
schema_version: "2.0"
metrics: &m {hmean: 0.5, "a": }  # c
my_copy: *m
b: &b {x: 1}
mine: {<<: *b, y: 2}
k:
text: |  # header
  text

  more

# x
hydra_overrides: [
  exp_name=demo,  # the name
  # more
  ]
training:
  # inside
  epoch: 3   # e
  step: 4
provenance: # pr
  - source: x  # y
    fields: [a, b]
  # between
  - {source: z, fields: [c]}   # zz
  # after
# end
...
# very end
"""


def _read(text: str) -> Document:
    document = parse_yaml(text, Path("x.yaml"))
    assert isinstance(document, dict)
    return document


def _rewritten(text: str, /, **changes: JSONValue) -> str:
    return render_sidecar({**_read(text), **changes}, text)


def test_an_alias_keeps_its_value_when_its_anchor_gets_another() -> None:
    """`metrics` says the new value, and the copy of a person says what it said."""
    text = "metrics: &m {hmean: 0.5}  # mine\nmy_copy: *m\n"

    after = _rewritten(text, metrics={"hmean": 0.9})

    assert after == "metrics: &m {hmean: 0.9}  # mine\nmy_copy: {hmean: 0.5}\n"


def test_an_alias_of_a_value_that_is_gone_is_written_out() -> None:
    """No alias is left without its anchor."""
    text = "gone: &g [1, 2]  # mine\nkept: *g\nx: {y: *g}\n"

    after = render_sidecar({"kept": [1, 2], "x": {"y": [1, 2]}}, text)

    assert after == "# mine\nkept: [1, 2]\nx: {y: [1, 2]}\n"


def test_a_merge_key_stays_as_it_is() -> None:
    """A mapping that takes over another one is not written out twice."""
    text = "epoch: 1\nb: &b {x: 1}\nmine: {<<: *b, y: 2}\nblock:\n  <<: *b\n  y: 2\n"

    after = _rewritten(text, epoch=2)

    assert after == text.replace("epoch: 1", "epoch: 2")


def test_a_directive_holds_for_its_own_file_only() -> None:
    """A sidecar is not written with the `%YAML` line of the one before it."""
    other = "epoch: 1  # one\n"

    first = _rewritten("%YAML 1.1\n---\nepoch: 1  # one\n", epoch=2)
    second = _rewritten(other, epoch=2)

    assert first == "%YAML 1.1\n---\nepoch: 2  # one\n"
    assert second == "epoch: 2  # one\n"


CASES: dict[str, tuple[dict[str, JSONValue], str, str]] = {
    "value in a block": (
        {"training": {"epoch": 5, "step": 4}},
        "epoch: 3   # e",
        "epoch: 5   # e",
    ),
    "key removed": ({"training": {"step": 4}}, "epoch: 3   # e", "# e"),
    "key added": (
        {"training": {"epoch": 3, "step": 4, "max": [1]}},
        "  step: 4\n",
        "  step: 4\n  max: [1]\n",
    ),
    "item added to a list of texts": (
        {"hydra_overrides": ["exp_name=demo", "q"]},
        "exp_name=demo,",
        "exp_name=demo, q,",
    ),
    "item added between two": (
        {
            "provenance": [
                {"source": "x", "fields": ["a", "b"]},
                {"source": "new", "fields": ["d,"]},
                {"source": "z", "fields": ["c"]},
            ]
        },
        "  # between\n",
        '  - source: new\n    fields: ["d,"]\n  # between\n',
    ),
    "item removed": (
        {"provenance": [{"source": "z", "fields": ["c"]}]},
        "- source: x  # y\n    fields: [a, b]\n",
        "# y\n",
    ),
    "item changed": (
        {
            "provenance": [
                {"source": "x", "fields": ["a", "b", "c"]},
                {"source": "z", "fields": ["c"]},
            ]
        },
        "[a, b]",
        "[a, b, c]",
    ),
    "key added behind a dash": (
        {
            "provenance": [
                {"at": 1, "source": "x", "fields": ["a", "b"]},
                {"source": "z", "fields": ["c"]},
            ]
        },
        "  - source: x  # y",
        "  - at: 1\n    source: x  # y",
    ),
    "nothing made something": ({"k": 1}, "k:\n", "k: 1\n"),
    "text of many lines": (
        {"text": "one"},
        "text: |  # header\n  text\n\n  more\n\n",
        "# header\ntext: one\n",
    ),
    "new key at the end": ({"new": {"a": 1}}, "  # after\n", "new:\n  a: 1\n  # after\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_only_what_changed_is_touched(case: str) -> None:
    """Every other character of a person's file stays, and comments stay beside their value."""
    changes, before, after = CASES[case]
    assert EDITED.count(before) == 1

    text = _rewritten(EDITED, **changes)

    assert text == EDITED.replace(before, after)
    assert _read(text) == {**_read(EDITED), **changes}


@pytest.mark.parametrize("key", list(_read(EDITED)))
def test_comments_of_what_is_gone_stay(key: str) -> None:
    """A key that goes leaves its comments to its successor."""
    document = _read(EDITED)
    del document[key]

    text = render_sidecar(document, EDITED)

    assert _read(text) == document
    assert sorted(comments_of(text)) == sorted(comments_of(EDITED))


@pytest.mark.parametrize("text", ["? a  # one\n: 1  # two\n", "# one\n# two\n", "- 1 # one\n# two"])
def test_what_is_laid_out_too_strangely_is_written_anew_with_its_comments(text: str) -> None:
    """Where a change cannot be made in place, the comments end up at the end."""
    after = render_sidecar({"a": 1, "b": 2}, text)

    assert after == "a: 1\nb: 2\n# one\n# two\n"


def test_lines_end_as_they_did() -> None:
    """A file from Windows keeps its line ends."""
    text = "a: 1  # one\r\nb: 2\r\n"

    after = render_sidecar({"a": 2, "b": 2, "c": {"d": 3}}, text)

    assert after == "a: 2  # one\r\nb: 2\r\nc:\r\n  d: 3\r\n"


def test_a_text_that_says_it_already_stays() -> None:
    """Numbers, quotes and order as a person writes them are no reason for a rewrite."""
    text = "b: 0.50\n'a':   [ 1,2 ]\n"

    assert render_sidecar({"a": [1, 2], "b": 0.5}, text) == text


def test_a_sidecar_that_nobody_touched_is_written_in_our_order() -> None:
    """What we wrote needs no keeping of its layout, and none of the time that takes."""
    text = render_sidecar({"b": {"x": 1}, "c": [1]})
    document: Document = {"a": 0, "b": {"w": 2, "x": 3}}
    code = (
        "import sys; from checkpoint_meta.store import render_sidecar\n"
        f"print(render_sidecar({document!r}, {text!r}), 'ruamel.yaml' in sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout == render_sidecar(document) + " False\n"


names = st.sampled_from("abcdef")
leaves = st.none() | st.integers(0, 3) | st.sampled_from(["x", "a: b", "#", ""])
trees = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@given(trees, trees, st.data())
def test_no_rewrite_loses_a_comment_or_a_value(
    before: Document, after: Document, data: st.DataObject
) -> None:
    """Whatever a person annotates and whatever changes, the file says the new and keeps the old."""
    lines = render_sidecar(before).splitlines()
    for place in data.draw(st.sets(st.integers(0, len(lines) - 1))):
        lines[place] += f"  # note {place}"
    text = "\n".join([*lines, "# end"]) + "\n"
    wanted = {**copy.deepcopy(before), **after} if data.draw(st.booleans()) else after

    result = render_sidecar(wanted, text)

    assert _read(result) == wanted
    assert sorted(comments_of(result)) == sorted(comments_of(text))
    assert render_sidecar(wanted, result) == result
