"""Files that ask for time and memory."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Zipped = Callable[..., bytes]

DIRECTORY = b"PK\1\2"


# Time and memory are the facts here, and measuring lines takes both.
pytestmark = pytest.mark.usefixtures("unmeasured")


def _text(text: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text


def _patched(data: bytes, magic: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(magic) + offset
    return data[:at] + value + data[at + len(value) :]


MEASURE = """
import re, sys, time
from pathlib import Path
from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
start = time.process_time()
try:
    contents = read_checkpoint_file(Path(sys.argv[1]))
    said = "; ".join(contents.problems) or "read"
    size = len(repr(contents))
except ReadError as error:
    said = error.reason
spent = time.process_time() - start
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(spent, peak, said, sep="\\t")
"""

MODULUS = (1 << 61) - 1


def _int(number: int) -> bytes:
    raw = pickle.encode_long(number)
    return b"\x8a" + bytes([len(raw)]) + raw


def _laughs(open_: bytes, close: bytes, levels: int) -> bytes:
    data = b"N"
    for level in range(levels):
        put = b"r" + struct.pack("<I", level)
        get = b"j" + struct.pack("<I", level)
        data += put + b"0" + open_ + get * 10 + close
    return data


def _hparams(value: bytes) -> bytes:
    return b"}" + _text(b"hyper_parameters") + b"}" + _text(b"x") + value + b"ss."


def _big_list(length: int) -> bytes:
    return b"](" + b"K\x01" * length + b"eq\x00"


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "deep lists": (lambda: _hparams(b"]" * 300_000 + b"a" * 299_999), "nested deeper"),
    "very deep lists": (lambda: b"]" * 4_000_000, "more opcodes"),
    "deep tuples": (lambda: _hparams(b")" + b"\x85" * 500_000), "nested deeper"),
    "deep key": (lambda: b"})" + b"\x85" * 1_000_000 + b"Ns.", "read"),
    "shared key": (lambda: b"}" + _laughs(b"(", b"t", 30) + b"Ns.", "read"),
    "shared set": (lambda: b"\x80\x04" + _laughs(b"(", b"\x91", 30) + b".", "read"),
    "colliding keys": (
        lambda: b"}(" + b"".join(_int(n * MODULUS) + b"N" for n in range(1, 100_000)) + b"u.",
        "read",
    ),
    "keys alike in their low bits": (
        lambda: b"}(" + b"".join(_int(n << 43) + b"N" for n in range(100_000)) + b"u.",
        "read",
    ),
    "memo bomb": (lambda: b"Nr\xff\xff\xff\xff.", "read"),
    "many memos": (
        lambda: b"N" + b"".join(b"r" + struct.pack("<I", n) for n in range(3_000_000)),
        "more opcodes",
    ),
    "laughs": (lambda: _hparams(_laughs(b"(", b"l", 12)), "more than 200000 values"),
    "laughing dicts": (
        lambda: _hparams(
            b"Nq\x000"
            + b"".join(b"}(K\x01h%cK\x02h%cK\x03h%cuq%c0" % (n, n, n, n + 1) for n in range(40))
            + b"h\x28"
        ),
        "more than 200000 values",
    ),
    "long text, often": (
        lambda: _hparams(_text(b"x" * 900_000) + b"q\x000(" + b"h\x00" * 1000 + b"l"),
        "more than 8388608 characters",
    ),
    "wide text": (
        lambda: _text("\N{SNAKE}".encode() + b"x" * 30_000_000) + b".",
        "more than 64 MiB",
    ),
    "sets": (lambda: b"\x80\x04" + b"\x8f" * 4_000_000, "more opcodes"),
    "dicts": (lambda: b"}" * 4_000_000, "more opcodes"),
    "marks": (lambda: b"(" * 4_000_000, "more opcodes"),
    "nothing": (lambda: b"N0" * 30_000_000, "more opcodes"),
    "copies": (
        lambda: (
            _big_list(10_000)
            + b"0ccollections\nOrderedDict\nq\x010"
            + b"".join([b"c__builtin__\nset\nq\x020", b"h\x02h\x00\x85R" * 100_000])
        ),
        "more than 64 MiB",
    ),
    "huge text": (lambda: b"\x8d" + struct.pack("<Q", 1 << 60) + b".", "cut off|ends early"),
    "huge bytes": (lambda: b"\x8e" + struct.pack("<Q", 1 << 60) + b".", "ends early"),
    "huge frame": (lambda: b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N.", "ends early"),
    "huge shape": (
        lambda: (
            b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\n("
            + _int(1 << 62) * 60
            + b"ttR."
        ),
        "read",
    ),
}


@pytest.mark.parametrize("case", BOMBS)
def test_time_and_memory_are_bounded(tmp_path: Path, case: str, zipped: Zipped) -> None:
    """Whatever a pickle asks for, it takes under 5 s and 300 MB."""
    make, sentence = BOMBS[case]
    path = tmp_path / "bomb.ckpt"
    path.write_bytes(zipped(make()))

    _measure(path, sentence)


def _measure(path: Path, sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seconds, kilobytes, said = done.stdout.rstrip("\n").split("\t")

    assert any(part in said for part in sentence.split("|")), said
    assert float(seconds) < 5
    assert int(kilobytes) < 300_000


def test_a_deflate_bomb_is_bounded(tmp_path: Path, zipped: Zipped) -> None:
    """A pickle that inflates beyond the limit is refused by the size that it claims."""
    path = tmp_path / "bomb.ckpt"
    path.write_bytes(zipped(bytes(200 << 20), method=zipfile.ZIP_DEFLATED))

    _measure(path, "larger than 64 MiB")


def test_a_deflate_bomb_that_claims_little_is_bounded(tmp_path: Path, zipped: Zipped) -> None:
    """Inflating stops where the directory says that it ends."""
    path = tmp_path / "bomb.ckpt"
    data = zipped(bytes(100 << 20), method=zipfile.ZIP_DEFLATED)
    path.write_bytes(_patched(data, DIRECTORY, 24, struct.pack("<I", 100)))

    _measure(path, "does not have the size")


def test_a_bomb_of_json_is_bounded(tmp_path: Path) -> None:
    """The header of safetensors is bounded in size and depth."""
    path = tmp_path / "bomb.safetensors"
    header = b'{"a":' + b"[" * 100_000
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    _measure(path, "nested too deeply")

    header = b'{"a":[' + b"[]," * 2_600_000 + b"0]}"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    _measure(path, "its header is wrong about 'a'")

    path.write_bytes(struct.pack("<Q", 1 << 55) + b"{")
    _measure(path, "larger than 8 MiB")


def test_a_name_twice_in_safetensors_is_refused(tmp_path: Path) -> None:
    """JSON readers differ over which of two equal names they mean."""
    path = tmp_path / "twice.safetensors"
    header = b'{"__metadata__":{},"__metadata__":{"a":"b"}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header)

    with pytest.raises(ReadError, match="the same name twice"):
        read_checkpoint_file(path)


def test_a_part_too_large_leaves_the_rest(tmp_path: Path, zipped: Zipped) -> None:
    """One part beyond the limits is left out and named; what else is known stays."""
    path = tmp_path / "large.ckpt"
    path.write_bytes(
        zipped(pickle.dumps({"epoch": 4, "history": list(range(300_000)), "note": "n"}, 2))
    )

    contents = read_checkpoint_file(path)

    assert (contents.epoch, contents.custom) == (4, {"note": "n"})
    assert contents.problems == ("history: more than 200000 values; left out",)


def test_a_link_to_a_device_is_refused() -> None:
    """Devices never end."""
    if os.path.exists("/dev/zero"):  # noqa: PTH110 - a device
        with pytest.raises(ReadError, match="a device, not a file"):
            read_checkpoint_file(Path("/dev/zero"))
