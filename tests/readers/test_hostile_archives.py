"""Archives that zip readers could differ over."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.readers.contents import CheckpointContents

    Read = Callable[[bytes], CheckpointContents]
    Zipped = Callable[..., bytes]


def _zip_of(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, pickle.dumps({"epoch": 1}, 2))
    return stream.getvalue()


def _patched(data: bytes, magic: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(magic) + offset
    return data[:at] + value + data[at + len(value) :]


GOOD = _zip_of("archive/data.pkl")
DIRECTORY = b"PK\1\2"
END = b"PK\5\6"

REFUSED: dict[str, tuple[bytes, str]] = {
    "same name": (
        _patched(_zip_of("a/data.pkl", "a/data.pk2"), b"a/data.pk2", 0, b"a/data.pkl").replace(
            b"a/data.pk2", b"a/data.pkl"
        ),
        "same name",
    ),
    "other case": (_zip_of("a/data.pkl", "a/DATA.pkl"), "differ in case"),
    "several folders": (_zip_of("a/data.pkl", "b/data.pkl"), "several top folders"),
    "NUL in a name": (_zip_of("a/data.pkl", "a/x_y").replace(b"x_y", b"x\0y"), "NUL"),
    "encrypted": (_patched(GOOD, DIRECTORY, 8, b"\1\0"), "is encrypted"),
    "unknown method": (_patched(GOOD, DIRECTORY, 10, b"\x0c\0"), "neither stored nor deflated"),
    "outside the file": (_patched(GOOD, DIRECTORY, 42, b"\0\0\xff\0"), "outside the file"),
    "not where it should be": (_patched(GOOD, DIRECTORY, 42, b"\1\0\0\0"), "not where"),
    "other name inside": (_patched(GOOD, b"PK\3\4", 30, b"archivf"), "not where"),
    "damaged": (GOOD.replace(b"epoch", b"epocn"), "CRC does not match"),
    "directory elsewhere": (_patched(GOOD, END, 16, b"\1\0\0\0"), "not where its end record"),
    "other number of entries": (_patched(GOOD, END, 8, b"\2\0\2\0"), "does not have the entries"),
    "many disks": (_patched(GOOD, END, 4, b"\1\0"), "end record is wrong"),
    "bytes after the end": (GOOD + b"x", "end record is wrong"),
    "no pickle": (_zip_of("a/model.json"), "no data.pkl"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_that_readers_could_differ_over_is_refused(case: str, read: Read) -> None:
    """Each rule of the directory has one clear error that names the file."""
    data, sentence = REFUSED[case]

    with pytest.raises(ReadError, match=sentence) as caught:
        read(data)

    assert str(caught.value).startswith("stranger.ckpt: ")


def test_a_deflated_pickle_is_read(read: Read, zipped: Zipped) -> None:
    """Other tools rewrite checkpoints deflated."""
    data = zipped(pickle.dumps({"epoch": 1}, 2), method=zipfile.ZIP_DEFLATED)

    assert read(data).epoch == 1
