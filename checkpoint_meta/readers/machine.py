"""The state of the pickle interpreter: stack, marks, memo, globals and what has been spent."""

from __future__ import annotations

from typing import Final

from checkpoint_meta.errors import printable
from checkpoint_meta.readers.builders import BUILDERS, COPYING, copied
from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.inert import Call, Global
from checkpoint_meta.readers.limits import CONTENT_MEMORY, GLOBALS
from checkpoint_meta.readers.tensors import Storage, to_storage

_NAME: Final = 320
"""Bytes of one name that is looked up, on top of its characters."""

_CALL: Final = 240
"""Bytes of the record of a call, its empty lists included."""

_ELEMENT: Final = 110
"""Bytes that one element costs at most in a container that grows, its box included."""


class Machine:
    """One pickle in progress."""

    __slots__ = (
        "_by_name",
        "data",
        "frame",
        "marks",
        "memo",
        "opcodes_spent",
        "spent",
        "stack",
        "stopped",
        "storages",
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.storages: dict[str, Storage] = {}
        self.frame = (0, 0)
        """Start and end of the frame that was announced last."""
        self.stopped = 0
        """Position after STOP."""
        self.spent = 0
        """Bytes of text and of copies, by upper bounds."""
        self.opcodes_spent = 0
        """Bytes of everything else, by upper bounds."""
        self._by_name: dict[str, Global] = {}

    @property
    def globals(self) -> tuple[str, ...]:
        """Return the names that were looked up, in order of appearance."""
        return tuple(map(printable, self._by_name))

    def charge(self, amount: int) -> None:
        """Take `amount` bytes off the budget."""
        self.spent += amount
        if self.spent > CONTENT_MEMORY:
            raise Fault(f"its pickle makes more than {CONTENT_MEMORY >> 20} MiB of text and copies")

    def take(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start`."""
        end = start + size
        if end > len(self.data):
            raise CutOff("its pickle ends early")
        return self.data[start:end]

    def line(self, start: int) -> tuple[bytes, int]:
        """Return the text up to the line's end, and the position after it."""
        end = self.data.find(b"\n", start)
        if end < 0:
            raise CutOff("its pickle ends early")
        return self.data[start:end], end + 1

    def to_mark(self) -> list[object]:
        """Take everything above the last mark off the stack."""
        if not self.marks:
            raise Fault("not a valid pickle (no mark)")
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def persistent(self, value: object) -> object:
        """Return what a persistent id stands for: in torch's pickles, a storage."""
        found = to_storage(value)
        if type(found) is Storage:
            self.storages[found.key] = found
        return found

    def find(self, module: str, name: str) -> Global:
        """Return the inert stand-in for a name, and remember that it was asked for."""
        full = f"{module}.{name}"
        found = self._by_name.get(full)
        if found is None:
            if len(self._by_name) >= GLOBALS:
                raise Fault(f"its pickle looks up more than {GLOBALS} names")
            self.charge(_NAME + 2 * len(full))
            found = self._by_name[full] = Global(full, BUILDERS.get(full))
        return found

    def call(self, function: object, args: object, kwargs: object = None) -> object:
        """Return what a call makes, if it is known and pure, or a record of the call."""
        if isinstance(function, Global) and function.builder is not None and kwargs is None:
            if not isinstance(args, tuple):
                raise Fault("not a valid pickle (arguments that are not a tuple)")
            if args and function.name in COPYING:
                self.charge(copied(args) * _ELEMENT)
            made = function.builder(args)
            if made is not NotImplemented:
                return made
        self.charge(_CALL)
        return Call(function, args, kwargs)
