"""How the bytes of one element become a number, for torch's dtypes and numpy's."""

from __future__ import annotations

from struct import unpack
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEM_SIZES: Final[Mapping[str, int]] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "complex128": 16,
    "complex64": 8,
    "complex32": 4,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
    "uint8": 1,
    "bool": 1,
    "quint8": 1,
    "qint8": 1,
    "qint32": 4,
    "quint4x2": 1,
    "quint2x4": 1,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
}
"""Bytes of one element, by the name of its dtype."""

_LETTERS: Final[Mapping[str, str]] = {
    "float64": "d",
    "float32": "f",
    "float16": "e",
    "complex128": "dd",
    "complex64": "ff",
    "complex32": "ee",
    "int64": "q",
    "int32": "i",
    "int16": "h",
    "int8": "b",
    "uint64": "Q",
    "uint32": "I",
    "uint16": "H",
    "uint8": "B",
    "bool": "?",
}
"""The `struct` letters of one element; two where it is complex."""

NUMPY_DTYPES: Final[Mapping[str, str]] = {
    "f8": "float64",
    "f4": "float32",
    "f2": "float16",
    "c16": "complex128",
    "c8": "complex64",
    "i8": "int64",
    "i4": "int32",
    "i2": "int16",
    "i1": "int8",
    "u8": "uint64",
    "u4": "uint32",
    "u2": "uint16",
    "u1": "uint8",
    "b1": "bool",
}
"""dtype by numpy's own short name."""

SAFETENSORS_DTYPES: Final[Mapping[str, str]] = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4_e2m1fn_x2",
    "C64": "complex64",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
"""dtype by the name that safetensors gives it."""


def is_readable(dtype: str) -> bool:
    """Tell whether `to_number` knows this dtype."""
    return dtype in _LETTERS or dtype == "bfloat16"


def to_number(raw: bytes, dtype: str, *, little: bool = True) -> bool | float | complex:
    """Return the number that the bytes of one element stand for."""
    order = "<" if little else ">"
    if dtype == "bfloat16":
        # The upper half of a float32.
        raw = b"\0\0" + raw if little else raw + b"\0\0"
        return float(unpack(order + "f", raw)[0])
    parts = unpack(order + _LETTERS[dtype], raw)
    return complex(*parts) if len(parts) > 1 else parts[0]
