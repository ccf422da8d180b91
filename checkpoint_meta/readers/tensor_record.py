"""One tensor as `torch.save` pickles it: some thirty opcodes, recognised and executed at once.

Nine tenths of a checkpoint's pickle are such records, alike but for their numbers. One is taken
only where its opcodes are exactly the expected ones and the memo holds what they ask for; then
stack, memo and storages are what the opcodes one by one would have made of them. Whatever is
different is left to the interpreter's loop.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, TypeAlias

from checkpoint_meta.readers.builders import ordered_dict
from checkpoint_meta.readers.inert import Global, PickledDict
from checkpoint_meta.readers.tensors import STORAGE_DTYPES, Storage, Tensor, rebuild_tensor

if TYPE_CHECKING:
    from checkpoint_meta.readers.machine import Machine

_NUMBER: Final = rb"(?:K.|M..|J...[\0-\x7f])"
"""A number that is not negative. Opcodes are prefix codes: there is one way to match."""

_SIZE: Final = rb"(?:K.|M..)"
"""One dimension; larger ones are rare, and each alternative costs time."""

_SIZES: Final = rb"(?:\(%b%b%b%b(?:%b){0,60}t|%b(?:\x85|%b(?:\x86|%b\x87)))" % ((_SIZE,) * 8)

_PUT: Final = rb"r(?!.\0\0\0)(....)"
"""Into the memo, behind the places that a record reads by a single byte."""

match_record: Final = re.compile(
    rb"\(\(h(.)h(.)"  # the word `storage`, and the storage's class
    rb"(?:X(.)\0\0\0([0-9]{1,20})%(put)b|h(.)|j(....))"  # its key, new or seen before
    rb"h(.)(%(number)b)t%(put)bQ"  # its device and number of elements
    rb"(%(number)b)"  # the offset in it
    rb"(?:\)\)|(%(sizes)b)%(put)b(%(sizes)b)%(put)b)"  # shape and strides
    rb"([\x88\x89])h(.)\)R%(put)b"  # requires_grad, hooks
    rb"t%(put)bR%(put)b"  # the arguments, and the call
    % {b"number": _NUMBER, b"sizes": _SIZES, b"put": _PUT},
    re.DOTALL,
).match

_COST: Final = 1400
"""Bytes that a record's values and their places in the memo take at most, sizes aside."""

_DIMENSION: Final = 96
"""Bytes of one dimension: a size and a stride, each in a tuple."""

_TRUE: Final = b"\x88"
_MARK, _ONE_BYTE = b"(K"

_Identity: TypeAlias = "tuple[str, Global, str, object, int]"

_places: Final = Struct("<4I").unpack
_place: Final = Struct("<I").unpack


def execute_record(machine: Machine, record: re.Match[bytes]) -> int:
    """Do what the record's opcodes do, and return what they cost in memory at most.

    The function that they call is on the stack already. Where the memo does not hold what a record
    asks for, nothing is done: 0.
    """
    identity = _identity(machine, record)
    if identity is None:
        return 0
    key_at, own_at, offset, shape, shape_at, strides, strides_at, flag, hooks_at, args_at, at = (
        record.group(5, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20)
    )
    memo = machine.memo
    _, kind, key, _, size = identity
    if key_at:
        machine.charge(len(key))
        memo[_place(key_at)[0]] = key
    own_place, hooks_place, args_place, place = _places(own_at + hooks_at + args_at + at)
    memo[own_place] = identity
    storage = machine.storages[key] = Storage(key, STORAGE_DTYPES.get(kind.name, "uint8"), size)
    sizes: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    if shape:
        sizes = memo[_place(shape_at)[0]] = _sizes(shape)
        steps = memo[_place(strides_at)[0]] = _sizes(strides)
    tensor = Tensor(storage.dtype, sizes, storage, _number(offset))
    memo[hooks_place] = hooks = PickledDict()
    memo[args_place] = storage, tensor.offset, sizes, steps, flag == _TRUE, hooks
    memo[place] = machine.stack[-1] = tensor
    return _COST + _DIMENSION * len(sizes)


def _identity(machine: Machine, record: re.Match[bytes]) -> _Identity | None:
    """Return what torch hands to `persistent_load`; `None` if the record may not be taken."""
    word_at, kind_at, length, text, near, far, device_at, size, hooks_at = record.group(
        1, 2, 3, 4, 6, 7, 8, 9, 17
    )
    memo, stack = machine.memo, machine.stack
    try:
        word, kind, device = memo[word_at[0]], memo[kind_at[0]], memo[device_at[0]]
        function, hooks = stack[-1], memo[hooks_at[0]]
        if text:
            key: object = text.decode() if len(text) == length[0] else None
        else:
            key = memo[near[0] if near else _place(far)[0]]
    except LookupError:
        return None
    if (
        type(function) is not Global
        or function.builder is not rebuild_tensor
        or type(hooks) is not Global
        or hooks.builder is not ordered_dict
        or type(kind) is not Global
        or type(key) is not str
        or word != "storage"
    ):
        return None
    return "storage", kind, key, device, _number(size)


@lru_cache(maxsize=4096)
def _number(data: bytes) -> int:
    return int.from_bytes(data[1:], "little")


@lru_cache(maxsize=4096)
def _sizes(data: bytes) -> tuple[int, ...]:
    """Return the numbers of a shape or of strides that a record has."""
    sizes = []
    position = 1 if data[0] == _MARK else 0
    while len(data) - position > 1:
        width = 2 if data[position] == _ONE_BYTE else 3
        sizes.append(int.from_bytes(data[position + 1 : position + width], "little"))
        position += width
    return tuple(sizes)
