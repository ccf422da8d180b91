"""An interpreter of pickles that runs nothing: functions stay names, calls stay records.

It imports nothing, looks nothing up, sets no attribute, and hashes nothing that a stranger could
make slow. What a pickle makes is charged against a budget before it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import BROKEN_BYTES, CutOff, Fault
from checkpoint_meta.readers.limits import OPCODE_MEMORY, PICKLE_BYTES
from checkpoint_meta.readers.machine import Machine
from checkpoint_meta.readers.opcode_calls import CALLS, FINISHED, FRAMED
from checkpoint_meta.readers.opcode_containers import CONTAINERS
from checkpoint_meta.readers.opcode_values import VALUES
from checkpoint_meta.readers.tensors import to_storage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.opcode_values import Opcode


def _unknown(machine: Machine, position: int) -> int:
    raise Fault(f"not a valid pickle (no opcode {machine.data[position - 1]:#04x})")


_OPCODES: Final[Mapping[int, tuple[int, Opcode]]] = {
    code[0]: entry for code, entry in {**VALUES, **CONTAINERS, **CALLS}.items()
}
_HANDLERS: Final = tuple(_OPCODES.get(code, (0, _unknown))[1] for code in range(256))
_COSTS: Final = tuple(_OPCODES.get(code, (0, _unknown))[0] for code in range(256))
"""Memory that an opcode takes at most, on top of what its handler charges."""


class _Interpreter(Machine):
    """The machine with its loop."""

    __slots__ = ()

    def run(self) -> bool:
        """Execute all of it; tell whether that ended with STOP.

        Frames may neither nest nor end within an opcode, since readers differ over such.
        """
        whole = len(self.data)
        position = self._span(0, whole)
        while position == FRAMED:
            start, end = self.frame
            if end > whole:
                return False
            position = self._span(start, end)
            if position == end:
                position = self._span(end, whole)
            elif position != FINISHED:
                raise Fault("its pickle has frames that overlap")
        return position == FINISHED

    def _span(self, position: int, end: int) -> int:
        data = self.data
        spent = self.opcodes_spent
        while position < end:
            code = data[position]
            spent += _COSTS[code]
            if spent > OPCODE_MEMORY:
                raise Fault("its pickle has more opcodes than any checkpoint needs")
            position = _HANDLERS[code](self, position + 1)
        self.opcodes_spent = spent
        return position


@dataclass(frozen=True, slots=True)
class Unpickled:
    """What one pickle describes."""

    value: object
    """`None` if the pickle is broken or cut off."""

    globals: tuple[str, ...]
    """Names that a real load would look up, in order of appearance."""

    end: int
    """Position after the pickle."""

    fault: Fault | None = None
    """Why the pickle could not be read to its end."""


def unpickle(data: bytes) -> Unpickled:
    """Interpret the pickle at the start of `data`; whatever is wrong is told, not raised."""
    machine = _Interpreter(data, to_storage)
    fault = _interpret(machine)
    value = None if fault else machine.stack[-1]
    return Unpickled(value, machine.globals, machine.stopped, fault)


def _interpret(machine: _Interpreter) -> Fault | None:
    if len(machine.data) > PICKLE_BYTES:
        return Fault(f"its pickle is larger than {PICKLE_BYTES >> 20} MiB")
    try:
        finished = machine.run()
    except Fault as fault:
        return fault
    except BROKEN_BYTES as error:
        return Fault(f"not a valid pickle ({type(error).__name__})")
    if not finished:
        return CutOff("its pickle ends early")
    return None if machine.stack else Fault("not a valid pickle (nothing on the stack)")
