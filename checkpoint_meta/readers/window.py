"""A pickle of unknown length in a stream: read a part, and more of it as long as it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.limits import PICKLE_BYTES
from checkpoint_meta.readers.unpickler import Unpickled, unpickle

if TYPE_CHECKING:
    from checkpoint_meta.readers.stream import Ranges

_FIRST: Final = 64 << 10
_GROWTH: Final = 4


def unpickle_from(ranges: Ranges, start: int) -> Unpickled:
    """Interpret the pickle at `start`; its `end` is a position in the stream."""
    size = _FIRST
    while True:
        data = ranges.read(start, min(size, PICKLE_BYTES))
        unpickled = unpickle(data)
        whole = start + len(data) >= ranges.size
        if whole or not isinstance(unpickled.fault, CutOff):
            return replace(unpickled, end=start + unpickled.end)
        if size >= PICKLE_BYTES:
            too_large = Fault(f"its pickle is larger than {PICKLE_BYTES >> 20} MiB")
            return replace(unpickled, value=None, fault=too_large)
        size *= _GROWTH
