"""The values of 0-dim tensors, a few bytes each out of a zip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.readers.archive import header_bound, header_size
from checkpoint_meta.readers.dtypes import ITEM_SIZES, is_readable, to_number
from checkpoint_meta.readers.limits import SCALAR_GAP, SCALARS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.archive import Archive
    from checkpoint_meta.readers.directory import Entry
    from checkpoint_meta.readers.tensors import Tensor


class _Place(NamedTuple):
    """Where a value lies: in which entry, and where in it."""

    entry: Entry
    start: int
    size: int


def read_scalars(archive: Archive, tensors: Sequence[Tensor]) -> list[JSONValue]:
    """Return the value of each 0-dim tensor; `None` where it is not known."""
    order = archive.entries.get("byteorder")
    places = [_place(archive, tensor) for tensor in tensors[:SCALARS]]
    wanted = {place for place in places if place}
    if order and wanted:
        wanted.add(_Place(order, 0, order.size))
    raw: dict[_Place | None, bytes] = dict(
        _read(archive, sorted(wanted, key=lambda place: place.entry.offset))
    )
    little = not order or raw.get(_Place(order, 0, order.size)) != b"big"
    values = [
        to_value(tensor, raw[place], little=little) if place in raw else None
        for tensor, place in zip(tensors, places, strict=False)
    ]
    return [*values, *[None] * (len(tensors) - len(values))]


def _place(archive: Archive, tensor: Tensor) -> _Place | None:
    if tensor.storage is None or not is_readable(tensor.dtype):
        return None
    entry = archive.entries.get(f"data/{tensor.storage.key}")
    size = ITEM_SIZES[tensor.dtype]
    start = tensor.offset * size
    if entry is None or entry.method or start < 0 or start + size > entry.size:
        return None
    return _Place(entry, start, size)


def _read(archive: Archive, places: list[_Place]) -> Iterator[tuple[_Place, bytes]]:
    """Read what lies close together in one go."""
    group: list[_Place] = []
    for place in places:
        if group and place.entry.offset > _end(group[-1]) + SCALAR_GAP:
            yield from _read_group(archive, group)
            group = []
        group.append(place)
    if group:
        yield from _read_group(archive, group)


def _end(place: _Place) -> int:
    """Return an upper bound of where the entry's header and a near value end."""
    near = place.start + place.size if place.start < SCALAR_GAP else 0
    return place.entry.offset + header_bound(place.entry) + near


def _read_group(archive: Archive, group: list[_Place]) -> Iterator[tuple[_Place, bytes]]:
    first = group[0].entry.offset
    block = archive.block(first, max(_end(place) for place in group) - first)
    crcs_kept = archive.entries["data.pkl"].crc != 0
    for place in group:
        at = place.entry.offset - first
        start = at + header_size(place.entry, block[at:]) + place.start
        raw = block[start : start + place.size]
        if len(raw) < place.size:
            raw = archive.block(first + start, place.size)
        # `torch.serialization.skip_data` leaves such holes: no value was ever written.
        hole = crcs_kept and not place.entry.crc and not any(raw)
        if len(raw) == place.size and not hole:
            yield place, raw


def to_value(tensor: Tensor, raw: bytes, *, little: bool = True) -> JSONValue:
    """Return the number that the bytes of a 0-dim tensor stand for, as JSON can hold it."""
    number = to_number(raw, tensor.dtype, little=little)
    flags = tensor.flags if isinstance(tensor.flags, dict) else {}
    if isinstance(number, complex):
        number = number.conjugate() if flags.get("conj") else number
        return str(-number if flags.get("neg") else number)
    number = -number if flags.get("neg") else number
    return number if math.isfinite(number) else str(number)
