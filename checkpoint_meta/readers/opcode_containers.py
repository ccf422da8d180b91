"""Opcodes of the stack, the memo, and of tuples, lists, dicts and sets."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Call, PickledDict, keyed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.machine import Machine
    from checkpoint_meta.readers.opcode_values import Opcode

_UINT32: Final = Struct("<I").unpack_from

_ENTRY: Final = 110
"""Bytes of one element of a hash table at most, its box included."""


def _empty_dict(machine: Machine, position: int) -> int:
    machine.stack.append({})
    return position


def _empty_list(machine: Machine, position: int) -> int:
    machine.stack.append([])
    return position


def _empty_tuple(machine: Machine, position: int) -> int:
    machine.stack.append(())
    return position


def _empty_set(machine: Machine, position: int) -> int:
    machine.stack.append(set())
    return position


def _mark(machine: Machine, position: int) -> int:
    machine.marks.append(len(machine.stack))
    return position


def _pop(machine: Machine, position: int) -> int:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.stack.pop()
    return position


def _pop_mark(machine: Machine, position: int) -> int:
    machine.to_mark()
    return position


def _dup(machine: Machine, position: int) -> int:
    machine.stack.append(machine.stack[-1])
    return position


def _tuple(machine: Machine, position: int) -> int:
    machine.stack.append(tuple(machine.to_mark()))
    return position


def _tuple1(machine: Machine, position: int) -> int:
    machine.stack[-1] = (machine.stack[-1],)
    return position


def _tuple2(machine: Machine, position: int) -> int:
    last = machine.stack.pop()
    machine.stack[-1] = (machine.stack[-1], last)
    return position


def _tuple3(machine: Machine, position: int) -> int:
    last = machine.stack.pop()
    middle = machine.stack.pop()
    machine.stack[-1] = (machine.stack[-1], middle, last)
    return position


def _list(machine: Machine, position: int) -> int:
    machine.stack.append(machine.to_mark())
    return position


def _dict(machine: Machine, position: int) -> int:
    items = machine.to_mark()
    machine.stack.append({})
    _set(machine, items)
    return position


def _frozenset(machine: Machine, position: int) -> int:
    items = machine.to_mark()
    machine.charge(len(items) * _ENTRY)
    machine.stack.append(frozenset(map(keyed, items)))
    return position


def _append(machine: Machine, position: int) -> int:
    item = machine.stack.pop()
    _extend(machine.stack[-1], [item])
    return position


def _appends(machine: Machine, position: int) -> int:
    items = machine.to_mark()
    _extend(machine.stack[-1], items)
    return position


def _extend(target: object, items: list[object]) -> None:
    if type(target) is list:
        target.extend(items)
    elif type(target) is Call:
        target.items.extend(items)
    else:
        raise Fault(f"its pickle appends to a {type(target).__name__}")


def _add_items(machine: Machine, position: int) -> int:
    items = machine.to_mark()
    target = machine.stack[-1]
    machine.charge(len(items) * _ENTRY)
    if type(target) is set:
        target.update(map(keyed, items))
    elif type(target) is Call:
        target.items.extend(items)
    else:
        raise Fault(f"its pickle adds to a {type(target).__name__}")
    return position


def _set_item(machine: Machine, position: int) -> int:
    value = machine.stack.pop()
    key = machine.stack.pop()
    _set(machine, [key, value])
    return position


def _set_items(machine: Machine, position: int) -> int:
    _set(machine, machine.to_mark())
    return position


def _set(machine: Machine, items: list[object]) -> None:
    if len(items) % 2:
        raise Fault("not a valid pickle (a key without a value)")
    target = machine.stack[-1]
    machine.charge(len(items) * (_ENTRY // 2))
    if type(target) is dict or type(target) is PickledDict:
        pairs = iter(items)
        for key in pairs:
            target[key if type(key) is str else keyed(key)] = next(pairs)
    elif type(target) is Call:
        target.pairs.extend(items)
    else:
        raise Fault(f"its pickle sets items of a {type(target).__name__}")


def _get_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.stack.append(machine.memo[_index(text)])
    return end


def _put_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.memo[_index(text)] = machine.stack[-1]
    return end


def _index(text: bytes) -> int:
    if not text.isdigit() or len(text) > 10:  # noqa: PLR2004 - digits of 2**32
        raise Fault("not a valid pickle (an index that is not a number)")
    return int(text)


def _binget(machine: Machine, position: int) -> int:
    machine.stack.append(machine.memo[machine.data[position]])
    return position + 1


def _long_binget(machine: Machine, position: int) -> int:
    machine.stack.append(machine.memo[_UINT32(machine.data, position)[0]])
    return position + 4


def _binput(machine: Machine, position: int) -> int:
    machine.memo[machine.data[position]] = machine.stack[-1]
    return position + 1


def _long_binput(machine: Machine, position: int) -> int:
    machine.memo[_UINT32(machine.data, position)[0]] = machine.stack[-1]
    return position + 4


def _memoize(machine: Machine, position: int) -> int:
    machine.memo[len(machine.memo)] = machine.stack[-1]
    return position


CONTAINERS: Final[Mapping[bytes, tuple[int, Opcode]]] = {
    b"}": (72, _empty_dict),
    b"]": (64, _empty_list),
    b")": (32, _empty_tuple),
    b"\x8f": (224, _empty_set),
    b"(": (48, _mark),
    b"0": (32, _pop),
    b"1": (32, _pop_mark),
    b"2": (32, _dup),
    b"t": (64, _tuple),
    b"\x85": (64, _tuple1),
    b"\x86": (64, _tuple2),
    b"\x87": (64, _tuple3),
    b"l": (80, _list),
    b"d": (80, _dict),
    b"\x91": (224, _frozenset),
    b"a": (80, _append),
    b"e": (32, _appends),
    b"\x90": (32, _add_items),
    b"s": (32, _set_item),
    b"u": (32, _set_items),
    b"g": (32, _get_text),
    b"p": (120, _put_text),
    b"h": (16, _binget),
    b"j": (16, _long_binget),
    b"q": (32, _binput),
    b"r": (120, _long_binput),
    b"\x94": (120, _memoize),
}
