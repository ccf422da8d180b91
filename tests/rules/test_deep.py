"""Every byte of a checkpoint, in chunks."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.rules import deep

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 64


@pytest.fixture
def archive(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a zip with two entries, packed as the test says."""
    path = tmp_path / "a.ckpt"
    with zipfile.ZipFile(path, "w", getattr(request, "param", zipfile.ZIP_STORED)) as stream:
        stream.writestr("archive/data.pkl", b"N.")
        stream.writestr("archive/data/0", CONTENT)
    return path


@pytest.mark.parametrize(
    "archive", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], indirect=True, ids=["stored", "deflated"]
)
@pytest.mark.parametrize("chunk", [7, 4096, 1 << 20])
def test_a_sound_archive_has_nothing_to_tell(
    archive: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CRCs are right whatever the size of the chunks, and every packed byte is counted once."""
    monkeypatch.setattr(deep, "CHUNK", chunk)
    counted: list[int] = []

    assert deep.check_crcs(archive, counted.append) == []

    with zipfile.ZipFile(archive) as stream:
        assert sum(counted) == sum(one.compress_size for one in stream.infolist())


@pytest.mark.parametrize(
    "archive", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], indirect=True, ids=["stored", "deflated"]
)
def test_a_changed_byte_names_its_entry(archive: Path) -> None:
    """One byte of the second entry is changed: that entry is named, and no other."""
    with zipfile.ZipFile(archive) as stream:
        entry = stream.getinfo("archive/data/0")
    content = bytearray(archive.read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + 5] ^= 0xFF
    archive.write_bytes(content)

    (sentence,) = deep.check_crcs(archive, lambda _: None)

    assert "'archive/data/0'" in sentence


def test_another_name_in_front_of_the_bytes(archive: Path) -> None:
    """An entry whose own header names another is not believed."""
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"archive/data/0", b"archive/data/1", 1))

    (sentence,) = deep.check_crcs(archive, lambda _: None)

    assert "'archive/data/0'" in sentence


def test_what_is_no_zip_cannot_be_checked(tmp_path: Path) -> None:
    """A file that is no zip is an error that names it."""
    (tmp_path / "a.ckpt").write_bytes(b"no zip")

    with pytest.raises(ReadError, match=r"a\.ckpt"):
        deep.check_crcs(tmp_path / "a.ckpt", lambda _: None)


def test_the_hash_is_that_of_the_file(archive: Path) -> None:
    """The SHA-256 is the one that `sha256sum` prints."""
    expected = hashlib.sha256(archive.read_bytes()).hexdigest()

    assert deep.sha256_of(archive, lambda _: None) == expected
