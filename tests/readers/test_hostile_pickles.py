"""Pickles that would run something, or break a rule of pickles."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.globals import GlobalClass, classify_global

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.readers.contents import CheckpointContents

    Read = Callable[[bytes], CheckpointContents]
    Zipped = Callable[..., bytes]

COMMAND = b"touch MARKER"


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
def test_what_a_load_would_run_is_named(case: str, read: Read, zipped: Zipped) -> None:
    """The function that a real load would call is among the globals, and dangerous."""
    data, name = EXECUTING[case]

    contents = read(zipped(data))

    assert name in contents.globals
    expected = GlobalClass.UNKNOWN if name.startswith("copyreg") else GlobalClass.DANGEROUS
    assert classify_global(name) is expected


@pytest.mark.parametrize("end", [b"", b"\xff.", b"h\x63.", b"00000."], ids=repr)
def test_globals_are_named_though_the_pickle_breaks(end: bytes, read: Read, zipped: Zipped) -> None:
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
import checkpoint_meta.readers.torch_legacy, hashlib
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


@pytest.mark.usefixtures("unmeasured")
def test_nothing_is_opened_but_the_file(tmp_path: Path, zipped: Zipped) -> None:
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
def test_a_pickle_that_breaks_a_rule_is_refused(case: str, read: Read, zipped: Zipped) -> None:
    """Each rule has one clear error."""
    data, sentence = BROKEN[case]

    with pytest.raises(ReadError, match=sentence):
        read(zipped(data))


def test_cycles_are_marked(read: Read, zipped: Zipped) -> None:
    """A value within itself is marked, not followed."""
    data = b"}q\x00" + _text(b"hyper_parameters") + b"}q\x01" + _text(b"self") + b"h\x01ss."

    assert read(zipped(data)).hyper_parameters == {"self": {"class": "cycle"}}


def test_text_is_safe_for_a_terminal(read: Read, zipped: Zipped) -> None:
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
