"""Opcodes that push a number, a text or bytes.

Each takes the machine and the position after its code, and returns the position of the next. Beside
it stands what it costs in memory at most; text and bytes are charged by their length on top.
"""

from __future__ import annotations

from _codecs import escape_decode
from struct import Struct
from typing import TYPE_CHECKING, Final, TypeAlias

from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.limits import INTEGER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from checkpoint_meta.readers.machine import Machine

Opcode: TypeAlias = "Callable[[Machine, int], int]"

_INT16: Final = Struct("<H").unpack_from
_INT32: Final = Struct("<i").unpack_from
_UINT32: Final = Struct("<I").unpack_from
_UINT64: Final = Struct("<Q").unpack_from
_DOUBLE: Final = Struct(">d").unpack_from

_DIGITS: Final = 2400
"""Of an integer of `INTEGER_BYTES`; longer text takes quadratic time to become a number."""


def _constant(value: object) -> Opcode:
    def push(machine: Machine, position: int) -> int:
        machine.stack.append(value)
        return position

    return push


def _int_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    known = {b"00": False, b"01": True}
    machine.stack.append(known[text] if text in known else _to_int(text))
    return end


def _long_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.stack.append(_to_int(text.removesuffix(b"L")))
    return end


def _to_int(text: bytes) -> int:
    if len(text) > _DIGITS:
        raise Fault(f"its pickle has an integer of {len(text)} digits")
    return int(text)


def _binint(machine: Machine, position: int) -> int:
    machine.stack.append(_INT32(machine.data, position)[0])
    return position + 4


def _binint1(machine: Machine, position: int) -> int:
    machine.stack.append(machine.data[position])
    return position + 1


def _binint2(machine: Machine, position: int) -> int:
    machine.stack.append(_INT16(machine.data, position)[0])
    return position + 2


def _long1(machine: Machine, position: int) -> int:
    return _long(machine, position + 1, machine.data[position])


def _long4(machine: Machine, position: int) -> int:
    return _long(machine, position + 4, _UINT32(machine.data, position)[0])


def _long(machine: Machine, position: int, size: int) -> int:
    if size > INTEGER_BYTES:
        raise Fault(f"its pickle has an integer of {size} bytes")
    machine.charge(size)
    machine.stack.append(int.from_bytes(machine.take(position, size), "little", signed=True))
    return position + size


def _float_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.stack.append(float(text))
    return end


def _binfloat(machine: Machine, position: int) -> int:
    machine.stack.append(_DOUBLE(machine.data, position)[0])
    return position + 8


def _string_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    if len(text) < 2 or text[:1] not in b"'\"" or text[:1] != text[-1:]:  # noqa: PLR2004 - quotes
        raise Fault("not a valid pickle (text without quotes)")
    machine.charge(len(text))
    machine.stack.append(_decode(bytes(escape_decode(text[1:-1])[0])))
    return end


def _unicode_text(machine: Machine, position: int) -> int:
    text, end = machine.line(position)
    machine.charge(4 * len(text))
    machine.stack.append(text.decode("raw-unicode-escape"))
    return end


def _decode(text: bytes) -> str:
    """Return what Python 2 wrote as bytes and meant as text."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _binunicode(machine: Machine, position: int) -> int:
    # Written out, unlike its rarer kin below: every name of a tensor is one of these.
    start = position + 4
    end: int = start + _UINT32(machine.data, position)[0]
    raw = machine.data[start:end]
    if len(raw) < end - start or not raw.isascii():
        return _unicode(machine, start, end - start)
    machine.charge(end - start)
    machine.stack.append(raw.decode())
    return end


def _short_binunicode(machine: Machine, position: int) -> int:
    return _unicode(machine, position + 1, machine.data[position])


def _binunicode8(machine: Machine, position: int) -> int:
    return _unicode(machine, position + 8, _UINT64(machine.data, position)[0])


def _unicode(machine: Machine, position: int, size: int) -> int:
    raw = machine.take(position, size)
    # One wide character makes every character of the text wide.
    machine.charge(size if raw.isascii() else 4 * size)
    machine.stack.append(raw.decode("utf-8", "surrogatepass"))
    return position + size


def _binstring(machine: Machine, position: int) -> int:
    size: int = _INT32(machine.data, position)[0]
    if size < 0:
        raise Fault("not a valid pickle (text of negative length)")
    machine.stack.append(_decode(_bytes(machine, position + 4, size)))
    return position + 4 + size


def _short_binstring(machine: Machine, position: int) -> int:
    size = machine.data[position]
    machine.stack.append(_decode(_bytes(machine, position + 1, size)))
    return position + 1 + size


def _binbytes(machine: Machine, position: int) -> int:
    size: int = _UINT32(machine.data, position)[0]
    machine.stack.append(_bytes(machine, position + 4, size))
    return position + 4 + size


def _short_binbytes(machine: Machine, position: int) -> int:
    size = machine.data[position]
    machine.stack.append(_bytes(machine, position + 1, size))
    return position + 1 + size


def _binbytes8(machine: Machine, position: int) -> int:
    size: int = _UINT64(machine.data, position)[0]
    machine.stack.append(_bytes(machine, position + 8, size))
    return position + 8 + size


def _bytearray8(machine: Machine, position: int) -> int:
    size: int = _UINT64(machine.data, position)[0]
    machine.stack.append(bytearray(_bytes(machine, position + 8, size)))
    return position + 8 + size


def _bytes(machine: Machine, position: int, size: int) -> bytes:
    taken = machine.take(position, size)
    machine.charge(2 * size)
    return taken


VALUES: Final[Mapping[bytes, tuple[int, Opcode]]] = {
    b"N": (32, _constant(None)),
    b"\x88": (32, _constant(True)),  # noqa: FBT003 - the value itself
    b"\x89": (32, _constant(False)),  # noqa: FBT003 - the value itself
    b"I": (48, _int_text),
    b"L": (48, _long_text),
    b"J": (48, _binint),
    b"K": (16, _binint1),
    b"M": (48, _binint2),
    b"\x8a": (48, _long1),
    b"\x8b": (48, _long4),
    b"F": (40, _float_text),
    b"G": (40, _binfloat),
    b"S": (80, _string_text),
    b"V": (80, _unicode_text),
    b"X": (80, _binunicode),
    b"\x8c": (80, _short_binunicode),
    b"\x8d": (80, _binunicode8),
    b"T": (80, _binstring),
    b"U": (80, _short_binstring),
    b"B": (64, _binbytes),
    b"C": (64, _short_binbytes),
    b"\x8e": (64, _binbytes8),
    b"\x96": (80, _bytearray8),
}
