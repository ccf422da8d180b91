"""An interpreter of pickles that runs nothing: functions stay names, calls stay records.

It imports nothing, looks nothing up, sets no attribute, and hashes nothing that a stranger could
make slow. What a pickle makes is charged against a budget before it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import BROKEN_BYTES, CutOff, Fault
from checkpoint_meta.readers.limits import OPCODE_MEMORY, PICKLE_BYTES
from checkpoint_meta.readers.machine import Machine
from checkpoint_meta.readers.opcode_calls import CALLS, FINISHED, FRAMED
from checkpoint_meta.readers.opcode_containers import CONTAINERS
from checkpoint_meta.readers.opcode_values import VALUES
from checkpoint_meta.readers.salvage import salvage
from checkpoint_meta.readers.tensor_record import execute_record, match_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.opcode_values import Opcode
    from checkpoint_meta.readers.tensors import Storage


def _unknown(machine: Machine, position: int) -> int:
    raise Fault(f"not a valid pickle (no opcode {machine.data[position - 1]:#04x})")


_OPCODES: Final[Mapping[int, tuple[int, Opcode]]] = {
    code[0]: entry for code, entry in {**VALUES, **CONTAINERS, **CALLS}.items()
}
_HANDLERS: Final = tuple(_OPCODES.get(code, (0, _unknown))[1] for code in range(256))
_COSTS: Final = tuple(_OPCODES.get(code, (0, _unknown))[0] for code in range(256))
"""Memory that an opcode takes at most, on top of what its handler charges."""


_CUT_OFF: Final = "its pickle ends early"

_BINGET, _LONG_BINPUT, _LONG_BINGET, _BININT1, _MARK = b"hrjK("
_uint32: Final = Struct("<I").unpack_from


class _Interpreter(Machine):
    """The machine with its loop."""

    __slots__ = ()

    def run(self, start: int) -> bool:
        """Execute from `start` on; tell whether that ended with STOP.

        Frames may neither nest nor end within an opcode, since readers differ over such.
        """
        whole = len(self.data)
        position = self._span(start, whole)
        while position == FRAMED:
            inner, end = self.frame
            if end > whole:
                # A frame that is cut off still tells what it holds.
                self._span(inner, whole)
                return False
            position = self._span(inner, end)
            if position == end:
                position = self._span(end, whole)
            elif position != FINISHED:
                raise Fault("its pickle has frames that overlap")
        return position == FINISHED

    def _span(self, position: int, end: int) -> int:
        data, stack, memo = self.data, self.stack, self.memo
        handlers, costs = _HANDLERS, _COSTS
        spent = self.opcodes_spent
        while position < end:
            code = data[position]
            spent += costs[code]
            if spent > OPCODE_MEMORY:
                raise Fault("its pickle has more opcodes than any checkpoint needs")
            # The memo is more than half of all opcodes; these few are spared the call.
            if code == _BINGET:
                stack.append(memo[data[position + 1]])
                position += 2
            elif code == _LONG_BINPUT:
                memo[_uint32(data, position + 1)[0]] = stack[-1]
                position += 5
            elif code == _BININT1:
                stack.append(data[position + 1])
                position += 2
            elif code == _LONG_BINGET:
                stack.append(memo[_uint32(data, position + 1)[0]])
                position += 5
            elif (
                code == _MARK
                and position + 1 < end
                and data[position + 1] == _MARK
                and (record := match_record(data, position, end))
                and (cost := execute_record(self, record))
            ):
                spent += cost
                position = record.end()
            else:
                position = handlers[code](self, position + 1)
        self.opcodes_spent = spent
        return position


@dataclass(frozen=True, slots=True)
class Unpickled:
    """What one pickle describes."""

    value: object
    """`None` if the pickle is broken; what it told so far if it is cut off."""

    globals: tuple[str, ...]
    """Names that a real load would look up, in order of appearance."""

    end: int
    """Position after the pickle."""

    storages: Mapping[str, Storage]
    """Storages that the pickle refers to, by key."""

    fault: Fault | None = None
    """Why the pickle could not be read to its end."""


def unpickle(data: bytes, start: int = 0) -> Unpickled:
    """Interpret the pickle at `start`; whatever is wrong is told, not raised."""
    machine = _Interpreter(data)
    fault = _interpret(machine, start)
    if fault is None:
        value = machine.stack[-1]
    else:
        value = salvage(machine) if isinstance(fault, CutOff) else None
    return Unpickled(value, machine.globals, machine.stopped, machine.storages, fault)


def _interpret(machine: _Interpreter, start: int) -> Fault | None:
    if len(machine.data) > PICKLE_BYTES:
        return Fault(f"its pickle is larger than {PICKLE_BYTES >> 20} MiB")
    try:
        finished = machine.run(start)
    except Fault as fault:
        return fault
    except BROKEN_BYTES as error:
        # These two come from bytes that are not there, as long as there is a stack to take from.
        cut_off = isinstance(error, (IndexError, StructError)) and machine.stack
        return CutOff(_CUT_OFF) if cut_off else Fault(f"not a valid pickle ({_words(error)})")
    if not finished:
        return CutOff(_CUT_OFF)
    return None if machine.stack else Fault("not a valid pickle (nothing on the stack)")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
