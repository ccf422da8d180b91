from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from checkpoint_meta.errors import ReadError, WriteError
from checkpoint_meta.readers.yaml import YamlError, parse_yaml
from checkpoint_meta.schema.text import without_surrogates
from checkpoint_meta.store import (
    link_sidecar,
    read_sidecar,
    remove_sidecar,
    render_sidecar,
    write_sidecar,
)

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue

DOCUMENT: dict[str, JSONValue] = {
    "schema_version": "2.0",
    "checkpoint_path": "epoch=3.ckpt",
    "created_at": "2026-11-23T21:09:00Z",
    "training": {"epoch": 3},
    "metrics": {"hmean": 0.875},
}

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["on", "yes", "1e-4", "12:30:45", "2025-10-18", "~", "null", ".nan", "0x10", "01", "=", "<<"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

any_texts = st.text(st.characters(), max_size=20) | texts | st.just("long" * 400)
any_values = st.recursive(
    scalars | any_texts | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=5))
def test_both_readers_see_what_was_written(document: dict[str, JSONValue]) -> None:
    """The fast reader, the careful one and the writer agree on everything that we write."""
    text = render_sidecar(document)

    assert parse_yaml(text, _nowhere()) == document
    assert YAML(typ="safe", pure=True).load(text) == document


@given(st.dictionaries(any_texts, any_values, min_size=1, max_size=5))
def test_whatever_was_written_can_be_read_back(document: dict[str, JSONValue]) -> None:
    """Control characters, numbers that are not finite, long keys: no document breaks its file."""
    text = render_sidecar(document)

    read = parse_yaml(text, _nowhere())

    assert repr(read) == repr(without_surrogates(document))
    assert render_sidecar(document, text) == text


def test_a_name_that_is_not_utf_8_is_written_as_an_escape(tmp_path: Path) -> None:
    """Half of a surrogate pair, which stands for a stray byte, is in no YAML; its escape is."""
    path = tmp_path / "x.metadata.yaml"
    document: dict[str, JSONValue] = {"checkpoint_path": "x\udcff.ckpt", "k\udcff": ["\udcff"]}

    write_sidecar(path, document)

    read = {"checkpoint_path": r"x\udcff.ckpt", r"k\udcff": [r"\udcff"]}
    assert read_sidecar(path) == read
    assert not write_sidecar(path, document)


@pytest.mark.parametrize("text", ["x: 1\n", "x: 1  # one\n"], ids=["plain", "with a comment"])
def test_a_rewrite_escapes_it_too(text: str) -> None:
    """The writer that keeps comments and the fast one write such a name alike."""
    after = render_sidecar({"x": 1, "name": "\udcff.ckpt"}, text)

    assert parse_yaml(after, _nowhere()) == {"x": 1, "name": r"\udcff.ckpt"}
    assert after.endswith(r'name: "\\udcff.ckpt"' + "\n")


def _nowhere() -> Path:
    from pathlib import Path

    return Path("nowhere.yaml")


@pytest.mark.parametrize("text", ["on", "yes", "1e-4", "12:30:45", "2025-10-18", "null", "3"])
def test_what_a_yaml_1_1_reader_would_retype_is_quoted(text: str) -> None:
    """PyYAML, which many scripts use, reads the same text that we wrote."""
    import yaml

    assert yaml.safe_load(render_sidecar({"value": text})) == {"value": text}


def test_comments_and_order_of_a_person_survive_a_rewrite(tmp_path: Path) -> None:
    """A rewrite changes values, not the notes around them."""
    path = tmp_path / "x.metadata.yaml"
    write_sidecar(path, DOCUMENT)
    edited = path.read_text(encoding="utf-8").replace("metrics:", "# the good one\nmetrics:")
    path.write_text(edited + "# the end\n", encoding="utf-8")

    changed = write_sidecar(path, DOCUMENT | {"metrics": {"hmean": 0.9}})

    assert changed
    text = path.read_text(encoding="utf-8")
    assert text == edited.replace("0.875", "0.9") + "# the end\n"


def test_writing_the_same_again_leaves_the_file_alone(tmp_path: Path) -> None:
    """The second write of the same document does not touch the disk."""
    path = tmp_path / "x.metadata.yaml"
    write_sidecar(path, DOCUMENT)
    before = path.stat().st_ino

    changed = write_sidecar(path, DOCUMENT)

    assert not changed
    assert path.stat().st_ino == before


def test_a_refused_write_leaves_what_stood_there(tmp_path: Path) -> None:
    """A sidecar that would be too long is not written, and no temporary file stays."""
    path = tmp_path / "x.metadata.yaml"
    write_sidecar(path, DOCUMENT)

    with pytest.raises(WriteError, match="1048576 at most"):
        write_sidecar(path, DOCUMENT | {"note": "x" * 2**20})

    assert read_sidecar(path) == DOCUMENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_without_permission_is_named(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The error names the sidecar and the reason."""
    render_sidecar(DOCUMENT)  # so that the writer is imported while that is allowed
    request.getfixturevalue("unprivileged")
    if tmp_path.stat().st_uid == os.geteuid():
        tmp_path.chmod(0o500)

    with pytest.raises(WriteError, match=r"x\.metadata\.yaml: cannot be written \(Permission"):
        write_sidecar(tmp_path / "x.metadata.yaml", DOCUMENT)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    """The sidecar that could not be written is named, never the hidden file on the way to it."""
    (tmp_path / "mirror").write_text("a file", encoding="utf-8")

    with pytest.raises(WriteError, match=r"epoch=3\.metadata\.yaml: cannot be written"):
        write_sidecar(tmp_path / "mirror" / "epoch=3.metadata.yaml", DOCUMENT)


def test_temporary_names_have_no_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning reads a version number out of every name in the folder that holds one."""
    seen: list[str] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        seen.extend(entry.name for entry in tmp_path.iterdir())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    write_sidecar(tmp_path / "x.metadata.yaml", DOCUMENT)

    assert len(seen) == 1
    assert not any(character.isdigit() for character in seen[0])
    assert "ckpt_" not in seen[0]


def test_a_linked_sidecar_reads_as_its_target(tmp_path: Path) -> None:
    """`last.metadata.yaml` of a linked `last.ckpt` is a link too, and made once."""
    target, link = tmp_path / "x.metadata.yaml", tmp_path / "last.metadata.yaml"
    write_sidecar(target, DOCUMENT)

    link_sidecar(link, target)
    link_sidecar(link, target)

    assert link.is_symlink()
    assert read_sidecar(link) == DOCUMENT


def test_a_link_does_not_replace_a_real_sidecar(tmp_path: Path) -> None:
    """What a person wrote beside `last.ckpt` stays."""
    target, link = tmp_path / "x.metadata.yaml", tmp_path / "last.metadata.yaml"
    write_sidecar(target, DOCUMENT)
    write_sidecar(link, DOCUMENT | {"note": "mine"})

    link_sidecar(link, target)

    assert read_sidecar(link)["note"] == "mine"


def test_removing_twice_is_fine(tmp_path: Path) -> None:
    """A sidecar that is gone already needs no removal."""
    path = tmp_path / "x.metadata.yaml"
    write_sidecar(path, DOCUMENT)

    remove_sidecar(path)
    remove_sidecar(path)

    assert not path.exists()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a: [1\nb: 2\n", r"x\.metadata\.yaml:2:2: not YAML"),
        (b"a: 1\na: 2\n", "duplicate mapping key"),
        (b"just text\n", "not a sidecar"),
        (b"", "not a sidecar"),
        (b"a: 1\n---\nb: 2\n", "more than one document"),
        (b"1: x\n", "the key 1 is not a text"),
        (b"a: \xff\n", r"not UTF-8 \(byte 3\)"),
        (b"a: x\n" + b"# " * 2**20, "longer than 1048576 bytes"),
        (b"a: \x00\n", r":1:4: holds a NUL byte"),
        (b"[" * 5000, "not YAML"),
        (b"? : a: 1\n", "not YAML \\(a mapping as a key\\)"),
        (b"a: &a [x,x]\nb: &b [*a,*a]\n" * 1, "cannot"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_sidecar_is_one_clear_error(tmp_path: Path, raw: bytes, reason: str) -> None:
    """Whatever stands in the file, the error names the file, the place and the reason."""
    path = tmp_path / "x.metadata.yaml"
    path.write_bytes(raw)
    if reason == "cannot":
        assert read_sidecar(path) == {"a": ["x", "x"], "b": [["x", "x"], ["x", "x"]]}
        return

    with pytest.raises(ReadError, match=reason) as caught:
        read_sidecar(path)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A FIFO under a sidecar's name, which nobody writes to, is an error and no wait."""
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    path = tmp_path / "x.metadata.yaml"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()

    with pytest.raises(ReadError, match=r"x\.metadata\.yaml: (not a regular file|cannot be read)"):
        read_sidecar(path)


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    """A billion laughs end in an error, not in memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    path = tmp_path / "x.metadata.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(YamlError):
        read_sidecar(path)
