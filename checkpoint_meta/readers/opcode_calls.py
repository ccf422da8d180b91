"""Opcodes by which a pickle would run code; here each leaves a name, or a record of the call."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Call, Global, PickledDict
from checkpoint_meta.readers.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.machine import Machine
    from checkpoint_meta.readers.opcode_values import Opcode

FINISHED: Final = 1 << 62
"""The position after STOP: beyond every byte."""

FRAMED: Final = FINISHED + 1
"""The position after FRAME; `Machine.frame` says where it goes on."""

_PROTOCOL: Final = 5

_UINT16: Final = Struct("<H").unpack_from
_INT32: Final = Struct("<i").unpack_from
_UINT64: Final = Struct("<Q").unpack_from


def _protocol(machine: Machine, position: int) -> int:
    if machine.data[position] > _PROTOCOL:
        raise Fault(f"its pickle has protocol {machine.data[position]}, newer than {_PROTOCOL}")
    return position + 1


def _stop(machine: Machine, position: int) -> int:
    machine.stopped = position
    return FINISHED


def _global(machine: Machine, position: int) -> int:
    module, middle = machine.line(position)
    name, end = machine.line(middle)
    machine.stack.append(machine.find(module.decode(), name.decode()))
    return end


def _stack_global(machine: Machine, position: int) -> int:
    name = machine.stack.pop()
    module = machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise Fault("its pickle looks up a name that is not text")
    machine.stack.append(machine.find(module, name))
    return position


def _reduce(machine: Machine, position: int) -> int:
    stack = machine.stack
    args = stack.pop()
    stack[-1] = machine.call(stack[-1], args)
    return position


def _new_object(machine: Machine, position: int) -> int:
    args = machine.stack.pop()
    machine.stack[-1] = machine.call(machine.stack[-1], args)
    return position


def _new_object_ex(machine: Machine, position: int) -> int:
    kwargs = machine.stack.pop()
    args = machine.stack.pop()
    machine.stack[-1] = Call(machine.stack[-1], args, kwargs)
    return position


def _object(machine: Machine, position: int) -> int:
    items = machine.to_mark()
    if not items:
        raise Fault("not a valid pickle (a call of nothing)")
    machine.stack.append(machine.call(items[0], tuple(items[1:])))
    return position


def _instance(machine: Machine, position: int) -> int:
    module, middle = machine.line(position)
    name, end = machine.line(middle)
    found = machine.find(module.decode(), name.decode())
    machine.stack.append(machine.call(found, tuple(machine.to_mark())))
    return end


def _build(machine: Machine, position: int) -> int:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if not isinstance(target, (Call, PickledDict, Tensor)):
        kind = target.name if isinstance(target, Global) else type(target).__name__
        raise Fault(f"its pickle gives a state to {kind}, which has none")
    target.state = state
    return position


def _persistent_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.stack.append(machine.persistent(text.decode()))
    return end


def _persistent(machine: Machine, position: int) -> int:
    machine.stack[-1] = machine.persistent(machine.stack[-1])
    return position


def _extension(machine: Machine, code: int) -> None:
    if code <= 0:
        raise Fault("not a valid pickle (an extension code that is not positive)")
    machine.stack.append(machine.find("copyreg", f"extension_{code}"))


def _extension1(machine: Machine, position: int) -> int:
    _extension(machine, machine.data[position])
    return position + 1


def _extension2(machine: Machine, position: int) -> int:
    _extension(machine, _UINT16(machine.data, position)[0])
    return position + 2


def _extension4(machine: Machine, position: int) -> int:
    _extension(machine, _INT32(machine.data, position)[0])
    return position + 4


def _frame(machine: Machine, position: int) -> int:
    start = position + 8
    machine.frame = (start, start + _UINT64(machine.data, position)[0])
    return FRAMED


CALLS: Final[Mapping[bytes, tuple[int, Opcode]]] = {
    b"\x80": (32, _protocol),
    b".": (32, _stop),
    b"\x95": (32, _frame),
    b"c": (48, _global),
    b"\x93": (48, _stack_global),
    b"R": (112, _reduce),
    b"\x81": (112, _new_object),
    b"\x92": (300, _new_object_ex),
    b"o": (140, _object),
    b"i": (140, _instance),
    b"b": (32, _build),
    b"P": (120, _persistent_text),
    b"Q": (96, _persistent),
    b"\x82": (48, _extension1),
    b"\x83": (48, _extension2),
    b"\x84": (48, _extension4),
}
