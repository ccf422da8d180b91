"""A file or object as ranges of bytes, and which of them are wanted first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import CutOff

if TYPE_CHECKING:
    from typing import BinaryIO

_FIRST: Final = 64 << 10


def first_ranges(size: int) -> list[range]:
    """Return which bytes of an object of `size` bytes to fetch before it is read.

    The end holds the directory of a zip, the start its pickle: for most checkpoints of up to some
    hundred tensors these two are everything.
    """
    if size <= 2 * _FIRST:
        return [range(size)]
    return [range(size - _FIRST, size), range(_FIRST)]


class Ranges:
    """A stream, read in ranges."""

    __slots__ = ("_stream", "mtime_ns", "size")

    def __init__(self, stream: BinaryIO, mtime_ns: int = 0) -> None:
        self.mtime_ns = mtime_ns
        """When the file was modified; 0 if it is not a file."""
        self._stream = stream
        self.size = stream.seek(0, 2)

    def read(self, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`: fewer at the end."""
        self._stream.seek(start)
        pieces = []
        while size > 0:
            piece = self._stream.read(size)
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def exactly(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start`."""
        if start + size > self.size:
            raise CutOff("the file ends early")
        data = self.read(start, size)
        if len(data) < size:
            raise CutOff("the file ends early")
        return data
