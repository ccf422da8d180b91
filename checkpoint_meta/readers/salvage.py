"""What a pickle that is cut off had told so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.readers.inert import Call, Global, PickledDict, keyed

if TYPE_CHECKING:
    from checkpoint_meta.readers.machine import Machine


def salvage(machine: Machine) -> object:
    """Return the outermost value, with what had been read of its parts; `None` if nothing was.

    A value that was itself still being made is left out, together with its key.
    """
    stack = machine.stack
    while machine.marks:
        items = machine.to_mark()
        if not stack:
            return None
        if not _close(stack[-1], items):
            stack.pop()
    if stack:
        _close(stack[0], stack[1:])
    return stack[0] if stack else None


def _close(target: object, items: list[object]) -> bool:
    """Put complete items into an unfinished container; tell whether it is one."""
    if isinstance(target, list):
        target.extend(items)
        return True
    if not isinstance(target, (dict, PickledDict)):
        return False
    match items[-2:]:
        case (Call() as call, dict() as state) if len(items) % 2:
            call.state = state
    for key, value in zip(items[::2], items[1::2], strict=False):
        if not isinstance(value, Global):
            target[keyed(key)] = value
    return True
