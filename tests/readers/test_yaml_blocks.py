"""A mapping read block by block says what the whole says, whatever was read before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.yaml import load_yaml
from checkpoint_meta.readers.yaml_blocks import BlockReader
from checkpoint_meta.schema.text import dump_text

EXAMPLES: Final = sorted((Path(__file__).parents[1] / "corpus").rglob("*.metadata.yaml"))
TEXTS: Final = [file.read_bytes().decode("utf-8", "replace") for file in EXAMPLES]

snippets = st.sampled_from(
    [
        *("\n", " ", "a: 1\n", "b: 'x\n", 'c: "\n', "d: |\n", "e: >-\n", "- 1\n", "---\n", "...\n"),
        *("#", "&x ", "*x", "[", "]", "{", "}", ": ", "\r", "\0", "\t", "é", "%", "? ", "!!str "),
        *("<<: *x\n", "schema_version: '2.0'\n", "\nf: 1", "  g: 2\n", "\u2028", "\x85", "'", '"'),
    ]
)


def _whole(text: str) -> str:
    """Return what the text says; a NaN, which equals nothing, as it is shown."""
    return repr(load_yaml(text, Path("sidecar")))


def _said(blocks: dict[str, list[object]]) -> str:
    return repr({key: value for key, (value,) in blocks.items()})


def _mapping(block: dict[str, object]) -> list[object]:
    (value,) = block.values()
    return [value]


@given(st.data())
def test_blocks_say_what_the_whole_says(data: st.DataObject) -> None:
    """Of any texts one after the other: each is left to others, or read as YAML reads it."""
    reader = BlockReader(_mapping)
    for _ in range(data.draw(st.integers(1, 4))):
        text = data.draw(st.sampled_from(TEXTS))[:2000]
        for _ in range(data.draw(st.integers(0, 3))):
            start = data.draw(st.integers(0, len(text)))
            end = data.draw(st.integers(start, min(len(text), start + 20)))
            text = text[:start] + data.draw(snippets) + text[end:]
        blocks = reader.read(text)
        if blocks is not None:
            assert _said(blocks) == _whole(text)


@given(st.lists(snippets, max_size=12).map("".join), st.lists(snippets, max_size=12).map("".join))
def test_no_text_changes_what_another_says(first: str, second: str) -> None:
    """What was made of a block holds wherever the same block stands."""
    reader = BlockReader(_mapping)
    reader.read(f"{first}\n")

    blocks = reader.read(f"{second}\n")

    if blocks is not None:
        assert _said(blocks) == _whole(f"{second}\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "a: 1\na: 2\n",
        "- a\n",
        "a: &x 1\nb: 2\n",
        "a: 1\r\nb: 2\n",
        "a: [1,\nb: 2]\n",
        'a: "x\nb: y"\n',
        "a: 1\n---\nb: 2\n",
        "# said by a person\na: 1\n",
        "a: 1\nB: 2\n",
        "a: |\n  x\nb: 1\n",
        "? [a]\n: 1\n",
        "? {a: 1}\n: 1\n",
        "",
    ],
    ids=repr,
)
def test_what_is_not_plainly_blocks_is_left_to_others(text: str) -> None:
    """Doubt costs speed, and never truth."""
    assert BlockReader(_mapping).read(text) is None


def test_what_was_read_before_is_not_parsed_again(parsed: list[str]) -> None:
    """Sidecars of a run differ in a block or two."""
    reader = BlockReader(_mapping)
    texts = [dump_text({"a": {"b": "same"}, "c": {"d": name}}) for name in "xyz"]

    found = [reader.read(text) for text in [*texts, *texts]]

    assert parsed == ["a:\n  b: same\n---\nc:\n  d: x\n", 'c:\n  d: "y"\n', "c:\n  d: z\n"]
    assert found[:3] == found[3:]


def test_memory_does_not_grow_with_what_is_read() -> None:
    """A folder of huge sidecars is forgotten while it is read."""
    reader = BlockReader(_mapping)

    for number in range(200):
        assert reader.read(f"a: {'x' * 10_000}{number}\n")

    assert sum(map(len, reader._known)) < 600_000


def test_a_file_that_is_no_yaml_is_left_to_others() -> None:
    """The reader of the whole says what is wrong."""
    assert BlockReader(_mapping).read("a: [\n") is None
    with pytest.raises(ReadError, match="not YAML"):
        _whole("a: [\n")
