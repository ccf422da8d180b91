"""Protobuf's wire format: a message as its numbered fields, without any schema."""

from __future__ import annotations

from typing import Final, TypeAlias

WireValue: TypeAlias = int | bytes
"""A varint as a number; everything else as the bytes that were written."""

_VARINT: Final = 0
_FIXED_64: Final = 1
_LENGTH: Final = 2
_FIXED_32: Final = 5
_WIDTHS: Final = {_FIXED_64: 8, _FIXED_32: 4}

_LONGEST_VARINT: Final = 10
_MORE: Final = 0x80
"""Bit of a varint's byte that says that more bytes follow."""


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the varint at `place`, and the place behind it.

    Raises:
        WireError: if it does not end.
    """
    if place < len(message) and message[place] < _MORE:
        return message[place], place + 1
    value = shift = 0
    for byte in message[place : place + _LONGEST_VARINT]:
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, place
        shift += 7
    raise WireError("a number does not end")


def signed(value: int) -> int:
    """Return what a varint says as an `int64`."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def fields_of(message: bytes) -> list[tuple[int, WireValue]]:
    """Return the fields of a message by their numbers, in the order in which they were written.

    Raises:
        WireError: if `message` is cut off, or is no message.
    """
    fields: list[tuple[int, WireValue]] = []
    place, end = 0, len(message)
    while place < end:
        tag, place = read_varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = read_varint(message, place)
            fields.append((tag >> 3, value))
            continue
        if kind == _LENGTH:
            width, place = read_varint(message, place)
        elif kind in _WIDTHS:
            width = _WIDTHS[kind]
        else:
            raise WireError(f"wire type {kind} of field {tag >> 3} is not known")
        if width > end - place:
            raise WireError(f"field {tag >> 3} is cut off")
        fields.append((tag >> 3, message[place : place + width]))
        place += width
    return fields


def blocks_of(message: bytes, number: int) -> list[bytes]:
    """Return every value of a repeated field that holds bytes.

    Raises:
        WireError: if `message` is no message.
    """
    return [
        value for field, value in fields_of(message) if field == number and isinstance(value, bytes)
    ]
