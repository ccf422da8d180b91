"""What `torch.save` wrote before torch 1.6: five pickles, then the storages one after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.readers.assemble import assemble
from checkpoint_meta.readers.contents import CheckpointContents
from checkpoint_meta.readers.dtypes import ITEM_SIZES, is_readable
from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.limits import SCALARS
from checkpoint_meta.readers.scalar_values import to_value
from checkpoint_meta.readers.window import unpickle_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.stream import Ranges
    from checkpoint_meta.readers.tensors import Storage, Tensor
    from checkpoint_meta.readers.unpickler import Unpickled

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PICKLES: Final = 5
"""Magic number, protocol version, system, the checkpoint, and the keys of its storages."""

_TOP: Final = 3

_COUNT_BYTES: Final = 8
"""Before each storage stands the number of its elements."""


class _Layout(NamedTuple):
    """Where each storage starts, by its key, and where the last one ends."""

    starts: Mapping[str, int]
    end: int


def read_torch_legacy(ranges: Ranges) -> CheckpointContents:
    """Return everything but the tensors."""
    pickles = _read_pickles(ranges)
    seen = tuple(dict.fromkeys(name for one in pickles for name in one.globals))
    if pickles[0].value != _MAGIC:
        other = Fault("a pickle, but not one that torch.save wrote")
        raise (pickles[0].fault or other).having_seen(seen)
    last = pickles[-1]
    if last.fault and not isinstance(last.fault, CutOff):
        raise last.fault.having_seen(seen)
    top = pickles[_TOP] if len(pickles) > _TOP else last
    layout = _lay_out(top.storages, last)
    incomplete = last.fault is not None or layout.end > ranges.size
    base = CheckpointContents(
        format="torch-legacy",
        size_bytes=ranges.size,
        mtime_ns=0,
        incomplete=incomplete,
        globals=seen,
        problems=("the file is cut off",) if incomplete else (),
    )
    value = top.value if len(pickles) > _TOP else None
    return assemble(base, value, partial(_read_scalars, ranges, layout))


def _read_pickles(ranges: Ranges) -> list[Unpickled]:
    """Return the five pickles, or those up to the first that is broken."""
    pickles = [unpickle_from(ranges, 0)]
    while pickles[0].value == _MAGIC and pickles[-1].fault is None and len(pickles) < _PICKLES:
        pickles.append(unpickle_from(ranges, pickles[-1].end))
    return pickles


def _lay_out(storages: Mapping[str, Storage], last: Unpickled) -> _Layout:
    """Return where the storages lie, from the keys in the last pickle."""
    starts: dict[str, int] = {}
    position = last.end
    for key in last.value if isinstance(last.value, list) else ():
        if isinstance(key, str) and key in storages:
            starts[key] = position
            storage = storages[key]
            position += _COUNT_BYTES + storage.size * ITEM_SIZES.get(storage.dtype, 1)
    return _Layout(starts, position)


def _read_scalars(ranges: Ranges, layout: _Layout, tensors: Sequence[Tensor]) -> list[JSONValue]:
    """Return the value of each 0-dim tensor; `None` where it is not known."""
    read = [_read_scalar(ranges, layout, tensor) for tensor in tensors[:SCALARS]]
    return [*read, *[None] * (len(tensors) - len(read))]


def _read_scalar(ranges: Ranges, layout: _Layout, tensor: Tensor) -> JSONValue:
    storage = tensor.storage
    if storage is None or storage.key not in layout.starts or not is_readable(tensor.dtype):
        return None
    if not 0 <= tensor.offset < storage.size:
        return None
    start = layout.starts[storage.key]
    count = ranges.read(start, _COUNT_BYTES)
    size = ITEM_SIZES[tensor.dtype]
    raw = ranges.read(start + _COUNT_BYTES + tensor.offset * size, size)
    if int.from_bytes(count, "little") != storage.size or len(raw) < size:
        return None
    return to_value(tensor, raw)
