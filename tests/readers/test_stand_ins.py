"""Stand-ins for the functions that checkpoints call: right for what they know, or a call."""

from __future__ import annotations

import _codecs
import collections
import datetime as dt
import pathlib
import pickle
import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy._core import multiarray, numeric

from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Call
from checkpoint_meta.readers.unpickler import unpickle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SCALAR = "numpy._core.multiarray.scalar"
FROM_BUFFER: Callable[..., object] = vars(numeric)["_frombuffer"]
BUFFER = "numpy._core.numeric._frombuffer"


class Calling:
    """Pickled as a call of `function` with `args`, whatever they are."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.args


def _name(value: object) -> str:
    """Return what a case is called by; the same in every process."""
    return getattr(value, "__name__", repr(value))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (collections.OrderedDict, ([("a", 1), ["b", 2]],)),
        (collections.OrderedDict, ({"a": 1},)),
        (collections.Counter, ({"a": 2},)),
        (collections.defaultdict, (int, {"a": 1})),
        (collections.defaultdict, (list,)),
        (set, ()),
        (set, ((1, 2),)),
        (frozenset, ([1],)),
        (complex, (1, 2.5)),
        (bytes, ()),
        (bytes, (b"x",)),
        (bytes, ([1, 255],)),
        (bytearray, ()),
        (bytearray, (b"x",)),
        (bytearray, ("é", "latin-1")),
        (_codecs.encode, ("é", "latin1")),
        (torch.Size, ((2, 3),)),
    ],
    ids=_name,
)
def test_a_stand_in_makes_what_python_makes(
    function: Callable[..., object], args: tuple[object, ...]
) -> None:
    """The value is that of `pickle.loads`, which really calls."""
    data = pickle.dumps(Calling(function, *args), 2)

    unpickled = unpickle(data)

    assert unpickled.fault is None
    assert unpickled.value == pickle.loads(data)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (collections.OrderedDict, (5,)),
        (collections.OrderedDict, ([1],)),
        (set, (3,)),
        (frozenset, (1, 2)),
        (complex, ("1",)),
        (bytes, (10**9,)),
        (bytes, ([300],)),
        (bytearray, (10**9,)),
        (bytearray, ("Ā", "latin-1")),
        (_codecs.encode, ("Ā", "latin1")),
        (_codecs.encode, ("x", "rot13")),
        (torch.Size, ("x",)),
        (torch.Size, ((-1,),)),
        (torch._utils._rebuild_tensor_v2, (1,)),
        (torch._utils._rebuild_tensor_v2, (1, 0, (2,), (1,), False, None)),
        (torch._utils._rebuild_tensor_v3, (1,)),
        (torch._utils._rebuild_parameter, (1, True, None)),
        (torch._utils._rebuild_sparse_tensor, (1, 2)),
        (torch._utils._rebuild_meta_tensor_no_storage, (1, (2,), (1,), False)),
        (torch._tensor._rebuild_from_type_v2, (1, 2, 3, 4)),
    ],
    ids=_name,
)
def test_a_stand_in_gives_up_over_what_it_does_not_know(
    function: Callable[..., object], args: tuple[object, ...]
) -> None:
    """Nothing is guessed and nothing is made that is larger than the file: it stays a call."""
    unpickled = unpickle(pickle.dumps(Calling(function, *args), 2))

    assert unpickled.fault is None
    assert isinstance(unpickled.value, Call)
    assert unpickled.value.name.endswith(function.__name__)


def _shown(tmp_path: Path, value: object) -> object:
    path = tmp_path / "x.ckpt"
    torch.save({"hyper_parameters": {"value": value}}, path)
    return (read_checkpoint_file(path).hyper_parameters or {})["value"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (pathlib.PureWindowsPath("C:/a"), "C:\\a"),
        (torch.device("cpu"), "cpu"),
        (torch.device("cuda:1"), "cuda:1"),
        (dt.date(2025, 1, 2), "2025-01-02"),
        (dt.datetime(2025, 1, 2, 3, 4, 5, 6), "2025-01-02T03:04:05.000006"),  # noqa: DTZ001 - without a zone on purpose
        (
            dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2025-01-02T00:00:00+02:00",
        ),
        (np.array([1, 2], dtype=">i4"), [1, 2]),
        (np.zeros((0, 3)), []),
    ],
    ids=repr,
)
def test_known_objects_are_shown_by_their_value(
    tmp_path: Path, value: object, shown: object
) -> None:
    """Paths, devices, times and arrays are what a person would write."""
    assert _shown(tmp_path, value) == shown


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Calling(pathlib.PurePosixPath, 1), "pathlib.PurePosixPath"),
        (Calling(pathlib.PurePosixPath, *["a"] * 300), "pathlib.PurePosixPath"),
        (Calling(torch.device, 1, 2, 3), "torch.device"),
        (Calling(uuid.UUID), "uuid.UUID"),
        (Calling(dt.date, b"abc"), "datetime.date"),
        (Calling(dt.date, b"\x07\xe9\x63\x01"), "datetime.date"),
        (Calling(dt.datetime, 2025, 1, 2), "datetime.datetime"),
        (Calling(dt.datetime, b"\0" * 10), "datetime.datetime"),
        (Calling(multiarray.scalar, np.dtype("f4"), b"abc"), SCALAR),
        (Calling(multiarray.scalar, np.dtype("U1"), b"abcd"), SCALAR),
        (Calling(multiarray.scalar, 1, b"abcd"), SCALAR),
        (Calling(FROM_BUFFER, b"abc", np.dtype("i4"), (5,), "C"), BUFFER),
        (Calling(FROM_BUFFER, b"abcd", np.dtype("i4"), (-1,), "C"), BUFFER),
    ],
    ids=[
        "number",
        "many parts",
        "device",
        "uuid",
        "length",
        "month 99",
        "numbers",
        "year 0",
        "short scalar",
        "text scalar",
        "no dtype",
        "short array",
        "negative array",
    ],
)
def test_what_does_not_fit_is_shown_as_a_call(tmp_path: Path, call: Calling, name: str) -> None:
    """Arguments that a real object would refuse, or that no pickle of one has, become no value."""
    shown = _shown(tmp_path, call)

    assert isinstance(shown, dict)
    assert shown["class"] == name


@pytest.mark.parametrize(
    "data",
    [
        b"F1.5\n.",
        b"I01\n.",
        b"I-5\n.",
        b"L5L\n.",
        b"S'a\\x41'\n.",
        b'S"a"\n.',
        b"T\x03\x00\x00\x00abc.",
        b"U\x02hi.",
        b"Va\\u00e9\n.",
        b"M\x01\x02.",
        b"J\xff\xff\xff\xff.",
        b"\x8a\x02\x00\x80.",
        b"\x8b\x02\x00\x00\x00\xff\x7f.",
        b"\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi.",
        b"\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi.",
        b"\x96\x02\x00\x00\x00\x00\x00\x00\x00hi.",
        b"X\x02\x00\x00\x00\xc3\xa9.",
        b"G?\xf8\x00\x00\x00\x00\x00\x00.",
        b"\x80\x02]\x94(K\x01K\x02e.",
    ],
    ids=repr,
)
def test_each_opcode_of_a_value_is_read(data: bytes) -> None:
    """Opcodes that no pickler of today writes are read as `pickle.loads` reads them."""
    unpickled = unpickle(data)

    assert unpickled.fault is None
    assert unpickled.value == pickle.loads(data)


def test_text_of_python_2_is_text() -> None:
    """Bytes of Python 2 that are no UTF-8 are latin-1, as `encoding="latin-1"` reads them."""
    data = b"U\x01\xe9."

    assert unpickle(data).value == pickle.loads(data, encoding="latin-1") == "é"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"T\xff\xff\xff\xffabc.", "text of negative length"),
        (b"Sabc\n.", "text without quotes"),
        (b"\x8b\xff\xff\xff\x7f.", "an integer of 2147483647 bytes"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi.", ""),
        (b"I12x\n.", ""),
        (b"Fnine\n.", ""),
        (b"Va\\uzzzz\n.", ""),
        (b"X\x01\x00\x00\x00\xff.", ""),
    ],
    ids=repr,
)
def test_a_value_that_is_none_is_a_fault(data: bytes, says: str) -> None:
    """What `pickle.loads` refuses with whatever exception is one kind of fault here."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever it is
        pickle.loads(data)

    fault = unpickle(data).fault

    assert isinstance(fault, Fault)
    assert says in str(fault)
