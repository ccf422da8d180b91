from __future__ import annotations

import io
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
from checkpoint_meta.readers.checkpoint import read_checkpoint, read_checkpoint_file
from checkpoint_meta.readers.globals import GlobalClass, classify_global

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.readers.contents import CheckpointContents

COMMAND = b"touch MARKER"


def zipped(data: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a torch zip around a pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def read(data: bytes) -> CheckpointContents:
    """Read a checkpoint out of memory."""
    return read_checkpoint(io.BytesIO(data), Path("stranger.ckpt"))


def _text(text: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text


INNER = b"cos\nsystem\n(" + _text(COMMAND) + b"tR."

EXECUTING: dict[str, tuple[bytes, str]] = {
    "reduce": (INNER, "os.system"),
    "reduce of eval": (
        b"cbuiltins\neval\n(" + _text(b"open('MARKER','w')") + b"tR.",
        "builtins.eval",
    ),
    "new object": (b"\x80\x02cos\nsystem\n" + _text(COMMAND) + b"\x85\x81.", "os.system"),
    "new object with keywords": (
        b"\x80\x04csubprocess\nPopen\n)}" + _text(b"args") + _text(COMMAND) + b"s\x92.",
        "subprocess.Popen",
    ),
    "object": (b"(cos\nsystem\n" + _text(COMMAND) + b"o.", "os.system"),
    "instance": (b"(" + _text(COMMAND) + b"ios\nsystem\n.", "os.system"),
    "build": (
        b"\x80\x02ctypes\nSimpleNamespace\n)\x81}" + _text(b"__setstate__") + b"cos\nsystem\nsb.",
        "os.system",
    ),
    "stack global": (
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch MARKER\x85R.",
        "os.system",
    ),
    "stack global through a chain": (
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x02os\x8c\x06system\x93\x8c\x08__call__\x86R.",
        "builtins.getattr",
    ),
    "nested pickle": (
        b"c_pickle\nloads\n(B" + struct.pack("<I", len(INNER)) + INNER + b"tR.",
        "_pickle.loads",
    ),
    "nested torch pickle": (
        b"ctorch.storage\n_load_from_bytes\n(B" + struct.pack("<I", len(INNER)) + INNER + b"tR.",
        "torch.storage._load_from_bytes",
    ),
    "extension registry": (b"\x80\x02\x82\x01(" + _text(COMMAND) + b"tR.", "copyreg.extension_1"),
    "memo trick": (
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93h\x01\x85R.",
        "os.system",
    ),
    "persistent id": (b"cos\nsystem\n(" + _text(COMMAND) + b"tRQ.", "os.system"),
    "call of a call": (
        b"cfunctools\npartial\ncos\nsystem\n" + _text(COMMAND) + b"\x86R)R.",
        "os.system",
    ),
    "storage class": (
        b"(" + _text(b"storage") + b"cos\nsystem\n" + _text(b"0") + _text(b"cpu") + b"K\x01tQ.",
        "os.system",
    ),
}


@pytest.mark.parametrize("case", EXECUTING)
def test_what_a_load_would_run_is_named(case: str) -> None:
    """The function that a real load would call is among the globals, and dangerous."""
    data, name = EXECUTING[case]

    contents = read(zipped(data))

    assert name in contents.globals
    expected = GlobalClass.UNKNOWN if name.startswith("copyreg") else GlobalClass.DANGEROUS
    assert classify_global(name) is expected


@pytest.mark.parametrize("end", [b"", b"\xff.", b"h\x63.", b"00000."], ids=repr)
def test_globals_are_named_though_the_pickle_breaks(end: bytes) -> None:
    """A real unpickler would have run them before it found out; so the error names them."""
    data = INNER[:-1] + end

    try:
        seen = read(zipped(data)).globals
    except ReadError as error:
        seen = error.globals

    assert seen == ("os.system",)


AUDIT = """
import copyreg, os, sys
from pathlib import Path
from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
copyreg.add_extension("os", "system", 1)
allowed = set()
def watch(event, args):
    # A descriptor that is open already is given a file object.
    if event == "open" and not isinstance(args[0], int) and str(args[0]) not in allowed:
        raise SystemExit(f"opened {args[0]}")
    if event.split(".")[0] in {"import", "exec", "compile", "subprocess", "socket", "pickle"}:
        raise SystemExit(f"{event} {args}")
    if event in {"os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename"}:
        raise SystemExit(event)
files = sorted(Path(sys.argv[1]).iterdir())
sys.addaudithook(watch)
for file in files:
    allowed = {str(file)}
    try:
        read_checkpoint_file(file)
    except ReadError:
        pass
print(len(files), "read")
"""


def test_nothing_is_opened_but_the_file(tmp_path: Path) -> None:
    """Under an audit hook the reader opens the given path, and imports and runs nothing."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, (data, _) in enumerate(EXECUTING.values()):
        (corpus / f"{number:02}.ckpt").write_bytes(zipped(data))
        (corpus / f"{number:02}.pt").write_bytes(b"\x80\x02" + data)
        (corpus / f"{number:02}.broken").write_bytes(zipped(data[:-1] + b"\xff"))

    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(corpus)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert (done.stdout, done.stderr) == (f"{3 * len(EXECUTING)} read\n", "")
    assert not (tmp_path / "MARKER").exists()


def _zip_of(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, pickle.dumps({"epoch": 1}, 2))
    return stream.getvalue()


def _patched(data: bytes, magic: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(magic) + offset
    return data[:at] + value + data[at + len(value) :]


GOOD = zipped(pickle.dumps({"epoch": 1}, 2))
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
    "too few entries": (_patched(GOOD, END, 8, b"\1\0\1\0"), "does not have the entries"),
    "many disks": (_patched(GOOD, END, 4, b"\1\0"), "end record is wrong"),
    "bytes after the end": (GOOD + b"x", "end record is wrong"),
    "no pickle": (_zip_of("a/model.json"), "no data.pkl"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_that_readers_could_differ_over_is_refused(case: str) -> None:
    """Each rule of the directory has one clear error that names the file."""
    data, sentence = REFUSED[case]

    with pytest.raises(ReadError, match=sentence) as caught:
        read(data)

    assert str(caught.value).startswith("stranger.ckpt: ")


def test_a_deflated_pickle_is_read() -> None:
    """Other tools rewrite checkpoints deflated."""
    data = zipped(pickle.dumps({"epoch": 1}, 2), method=zipfile.ZIP_DEFLATED)

    assert read(data).epoch == 1


BROKEN: dict[str, tuple[bytes, str]] = {
    "opcode that does not exist": (b"\xff.", "no opcode 0xff"),
    "newer protocol": (b"\x80\x06N.", "protocol 6"),
    "stack global of a number": (b"\x80\x04K\x01K\x02\x93.", "a name that is not text"),
    "stack global of a call": (b"\x80\x04\x8c\x02osca\nb\n)R\x93.", "a name that is not text"),
    "frame in a frame": (
        b"\x80\x04\x95" + struct.pack("<Q", 12) + b"\x95" + struct.pack("<Q", 1) + b"NNN.",
        "frames that overlap",
    ),
    "opcode across a frame": (b"\x80\x04\x95" + struct.pack("<Q", 2) + b"J\0\0\0\0.", "overlap"),
    "state of a list": (b"]}b.", "gives a state to list"),
    "state of a class": (b"cos\nenviron\n}b.", "gives a state to os.environ"),
    "append to a dict": (b"}Na.", "appends to a dict"),
    "items of a list": (b"]K\x01K\x02s.", "sets items of a list"),
    "key without a value": (b"}(K\x01u.", "a key without a value"),
    "add to a list": (b"\x80\x04](K\x01\x90.", "adds to a list"),
    "no mark": (b"Nt.", "no mark"),
    "empty stack": (b".", "nothing on the stack"),
    "memo that is not there": (b"h\x05.", "KeyError"),
    "arguments that are no tuple": (b"ccollections\nOrderedDict\nK\x01R.", "not a tuple"),
    "long integer": (
        b"\x8b" + struct.pack("<I", 2000) + bytes(2000) + b".",
        "integer of 2000 bytes",
    ),
    "many digits": (b"I" + b"9" * 5000 + b"\n.", "integer of 5000 digits"),
    "many names": (
        b"".join(b"ca\nn%d\n0" % number for number in range(10_001)) + b"N.",
        "more than 10000 names",
    ),
    "negative extension": (b"\x80\x02\x84\xff\xff\xff\xff.", "extension code"),
    "out of band buffer": (b"\x80\x05\x97.", "no opcode 0x97"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_pickle_that_breaks_a_rule_is_refused(case: str) -> None:
    """Each rule has one clear error."""
    data, sentence = BROKEN[case]

    with pytest.raises(ReadError, match=sentence):
        read(zipped(data))


MEASURE = """
import re, sys, time
from pathlib import Path
from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
start = time.perf_counter()
try:
    contents = read_checkpoint_file(Path(sys.argv[1]))
    said = "; ".join(contents.problems) or "read"
    size = len(repr(contents))
except ReadError as error:
    said = error.reason
spent = time.perf_counter() - start
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
    "very deep lists": (lambda: b"]" * 30_000_000, "more opcodes"),
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
    "sets": (lambda: b"\x80\x04" + b"\x8f" * 60_000_000, "more opcodes"),
    "dicts": (lambda: b"}" * 60_000_000, "more opcodes"),
    "marks": (lambda: b"(" * 60_000_000, "more opcodes"),
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
def test_time_and_memory_are_bounded(tmp_path: Path, case: str) -> None:
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


def test_a_deflate_bomb_is_bounded(tmp_path: Path) -> None:
    """A pickle that inflates beyond the limit is refused by the size that it claims."""
    path = tmp_path / "bomb.ckpt"
    path.write_bytes(zipped(bytes(200 << 20), method=zipfile.ZIP_DEFLATED))

    _measure(path, "larger than 64 MiB")


def test_a_deflate_bomb_that_claims_little_is_bounded(tmp_path: Path) -> None:
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


def test_a_part_too_large_leaves_the_rest(tmp_path: Path) -> None:
    """One part beyond the limits is left out and named; what else is known stays."""
    path = tmp_path / "large.ckpt"
    path.write_bytes(
        zipped(pickle.dumps({"epoch": 4, "history": list(range(300_000)), "note": "n"}, 2))
    )

    contents = read_checkpoint_file(path)

    assert (contents.epoch, contents.custom) == (4, {"note": "n"})
    assert contents.problems == ("history: more than 200000 values; left out",)


def test_cycles_are_marked() -> None:
    """A value within itself is marked, not followed."""
    data = b"}q\x00" + _text(b"hyper_parameters") + b"}q\x01" + _text(b"self") + b"h\x01ss."

    assert read(zipped(data)).hyper_parameters == {"self": {"class": "cycle"}}


def test_text_is_safe_for_a_terminal() -> None:
    """Escape sequences, lone surrogates and what JSON lacks are written out as text."""
    saved = {
        "hyper_parameters": {"a": "\x1b[2J", "b": "\ud800", "c": float("nan"), "d": "tab\tline\n"}
    }

    assert read(zipped(pickle.dumps(saved, 2))).hyper_parameters == {
        "a": "\\x1b[2J",
        "b": "\\ud800",
        "c": "nan",
        "d": "tab\tline\n",
    }


def test_a_link_to_a_device_is_refused() -> None:
    """Devices never end."""
    if os.path.exists("/dev/zero"):  # noqa: PTH110 - a device
        with pytest.raises(ReadError, match="a device, not a file"):
            read_checkpoint_file(Path("/dev/zero"))
