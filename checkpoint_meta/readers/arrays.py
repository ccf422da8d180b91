"""Numpy's scalars and small arrays, from what their pickles hold."""

from __future__ import annotations

from math import prod
from typing import Final

from checkpoint_meta.readers.dtypes import ITEM_SIZES, NUMPY_DTYPES, to_number
from checkpoint_meta.readers.inert import Call
from checkpoint_meta.readers.tensors import is_sizes

_ELEMENTS: Final = 1000
"""Of an array that is written out; of a larger one only its shape is told."""


def scalar(call: Call) -> object:
    """Return the number of a numpy scalar."""
    match call.args:
        case (Call() as kind, bytes() as raw):
            dtype, little = _dtype(kind)
            if len(raw) == ITEM_SIZES.get(dtype, 0):
                return to_number(raw, dtype, little=little)
    return NotImplemented


def from_state(call: Call) -> object:
    """Return an array as nested lists, from the state that its pickle gives it."""
    match call.state:
        case (int(), tuple(shape), Call() as kind, fortran, bytes() as raw):
            return _array(raw, kind, shape, columns_first=bool(fortran))
    return NotImplemented


def from_buffer(call: Call) -> object:
    """Return an array as nested lists, as protocol 5 writes it."""
    match call.args:
        case ((bytes() | bytearray()) as raw, Call() as kind, tuple(shape), str(order)):
            return _array(bytes(raw), kind, shape, columns_first=order == "F")
    return NotImplemented


def _dtype(call: Call) -> tuple[str, bool]:
    """Return the dtype, empty if it is not one of numbers, and whether it is little-endian."""
    match call.args, call.state:
        case (str(kind), *_), (_, str(order), *_):
            return NUMPY_DTYPES.get(kind, ""), order != ">"
        case (str(kind), *_), None:
            return NUMPY_DTYPES.get(kind, ""), True
    return "", True


def _array(raw: bytes, kind: Call, shape: tuple[object, ...], *, columns_first: bool) -> object:
    dtype, little = _dtype(kind)
    sizes = [size for size in shape if isinstance(size, int)]
    if not is_sizes(shape) or dtype not in ITEM_SIZES:
        return NotImplemented
    step = ITEM_SIZES[dtype]
    if prod(max(size, 1) for size in sizes) > _ELEMENTS:
        return {"class": "numpy.ndarray", "dtype": dtype, "shape": sizes}
    if len(raw) != prod(sizes) * step:
        return NotImplemented
    numbers: list[object] = [
        to_number(raw[start : start + step], dtype, little=little)
        for start in range(0, len(raw), step)
    ]
    strides = _strides(sizes, columns_first=columns_first)
    return _nest(numbers, sizes, strides, 0)


def _strides(sizes: list[int], *, columns_first: bool) -> list[int]:
    if columns_first:
        return [prod(sizes[:axis]) for axis in range(len(sizes))]
    return [prod(sizes[axis + 1 :]) for axis in range(len(sizes))]


def _nest(numbers: list[object], sizes: list[int], strides: list[int], start: int) -> object:
    if not sizes:
        return numbers[start]
    return [
        _nest(numbers, sizes[1:], strides[1:], start + index * strides[0])
        for index in range(sizes[0])
    ]
