"""Records of tensors, executed at once, against the same opcodes one by one."""

from __future__ import annotations

import io
import pickle
import zipfile
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checkpoint_meta.readers import unpickler
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Boxed, Call, Global, PersistentId
from checkpoint_meta.readers.tensor_record import execute_record
from checkpoint_meta.readers.tensors import Storage, Tensor

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from checkpoint_meta.readers.machine import Machine


@cache
def real_pickle() -> bytes:
    """Return the pickle of a model with its optimizer, as torch writes it."""
    model = torch.nn.Sequential(
        *(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.BatchNorm2d(3)) for _ in range(8)),
        torch.nn.Embedding(70_000, 1),
    )
    optimizer = torch.optim.AdamW(model[:-1].parameters())
    model[:-1](torch.ones(1, 3, 24, 24)).sum().backward()
    optimizer.step()
    whole = torch.zeros(600, 400)
    views = {"view": whole[5:7, 3:], "same": whole, "scalar": whole[0, 0], "empty": whole[:0]}
    stream = io.BytesIO()
    torch.save(
        {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "views": views},
        stream,
    )
    return zipfile.ZipFile(stream).read("archive/data.pkl")


class Told:
    """What a machine holds, as text that two machines can be compared by."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def of(self, value: object) -> str:
        """Return `value` as text; what was met before is a number, so that identity counts."""
        match value:
            case Global():
                return value.name
            case tuple():
                return f"({', '.join(map(self.of, value))})"
            case Storage():
                return f"storage {value.key} {value.dtype} {value.size}"
            case dict() | list() | Call() | Tensor() | Boxed() | PersistentId():
                if id(value) in self._numbers:
                    return f"#{self._numbers[id(value)]}"
                self._numbers[id(value)] = len(self._numbers)
                return self._parts(value)
        return _plain(value)

    def _parts(self, value: object) -> str:
        match value:
            case dict():
                state = self.of(getattr(value, "state", None))
                items = [f"{self.of(key)}: {self.of(item)}" for key, item in value.items()]
                return f"{type(value).__name__}{{{', '.join(items)}}}{state}"
            case list():
                return f"[{', '.join(map(self.of, value))}]"
            case Tensor(dtype=dtype, shape=shape, offset=offset):
                held = self.of(value.storage), self.of(value.state)
                return f"tensor {dtype} {shape} {offset} {held}"
            case Boxed() | PersistentId():
                return f"{type(value).__name__} {self.of(value.value)}"
        parts = {slot: getattr(value, slot) for slot in Call.__slots__}
        return f"call {self.of(parts)}"


def _plain(value: object) -> str:
    """Return a value without parts, or a set: it has no order, and a box in it is only itself."""
    if not isinstance(value, (set, frozenset)):
        return repr(value)
    items = (item.value if isinstance(item, Boxed) else item for item in value)
    return f"{type(value).__name__} {sorted(type(item).__name__ for item in items)}"


def _told(data: bytes) -> tuple[str, ...]:
    machine = unpickler._Interpreter(data)
    fault = unpickler._interpret(machine, 0)
    told = Told()
    memo = dict(sorted(machine.memo.items()))
    return (
        f"{type(fault).__name__}: {fault}" if isinstance(fault, Fault) else "",
        told.of(machine.stack),
        told.of(memo),
        told.of(machine.storages),
        told.of(list(machine.globals)),
        str(machine.spent),
    )


@pytest.fixture(scope="module")
def one_by_one() -> Callable[[bytes], tuple[str, ...]]:
    """Return what tells the state after a pickle whose records are not recognised."""

    def run(data: bytes) -> tuple[str, ...]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(unpickler, "match_record", lambda *_: None)
            return _told(data)

    return run


def test_most_tensors_of_a_real_file_are_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the tensors behind the first places in the memo each one is recognised."""
    taken: list[bool] = []

    def counted(machine: Machine, record: re.Match[bytes]) -> int:
        cost = execute_record(machine, record)
        taken.append(cost > 0)
        return cost

    monkeypatch.setattr(unpickler, "execute_record", counted)

    value = unpickler.unpickle(real_pickle()).value

    assert isinstance(value, dict)
    states = value["optimizer"]["state"].values()
    tensors = len(value["state_dict"]) + sum(len(state) for state in states) + len(value["views"])
    near = 256 // 8
    assert taken.count(True) >= tensors - near - 1
    assert all(taken)


def test_a_record_is_what_its_opcodes_make(
    one_by_one: Callable[[bytes], tuple[str, ...]],
) -> None:
    """Stack, memo, storages, names and text spent are the same in the end."""
    assert _told(real_pickle()) == one_by_one(real_pickle())


def test_what_records_are_charged_is_as_much_as_their_opcodes_are() -> None:
    """The budget of a file does not depend on who executes it, give or take a quarter."""
    with_records = unpickler._Interpreter(real_pickle())
    with_records.run(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpickler, "match_record", lambda *_: None)
        without = unpickler._Interpreter(real_pickle())
        without.run(0)

    assert 0.75 < with_records.opcodes_spent / without.opcodes_spent < 1.25


@pytest.mark.parametrize("size", [1, 300, 1000, 3000, 6000])
def test_a_file_that_ends_within_a_record_tells_the_same(
    one_by_one: Callable[[bytes], tuple[str, ...]], size: int
) -> None:
    """A record that is cut off is executed as far as it goes."""
    for end in range(size, size + 160):
        assert _told(real_pickle()[:end]) == one_by_one(real_pickle()[:end])


@settings(max_examples=400)
@example(changes=[(0.5, 0x91)])
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
    )
)
def test_a_changed_byte_tells_the_same(
    one_by_one: Callable[[bytes], tuple[str, ...]], changes: list[tuple[float, int]]
) -> None:
    """Whatever is different about a record, the result is that of its opcodes, faults included."""
    data = bytearray(real_pickle())
    for place, byte in changes:
        data[int(place * len(data))] = byte

    assert _told(bytes(data)) == one_by_one(bytes(data))


@settings(max_examples=200)
@given(place=st.floats(0, 1, exclude_max=True), index=st.integers(0, 255), wide=st.booleans())
def test_a_memo_that_was_written_over_tells_the_same(
    one_by_one: Callable[[bytes], tuple[str, ...]], place: float, index: int, *, wide: bool
) -> None:
    """A place that records read may hold something else since: they read it at their own time."""
    data = real_pickle()
    starts = [at for at in range(len(data)) if data.startswith(b"((h", at)]
    at = starts[int(place * len(starts))]
    put = b"r" + index.to_bytes(4, "little") if wide else b"q" + bytes([index])
    changed = data[:at] + pickle.NONE + put + pickle.POP + data[at:]

    assert _told(changed) == one_by_one(changed)
