"""Regular expressions that take time in proportion to the text, whatever the expression.

Python's own `re` tries one way to match after the other, and `(a+)+b` has more of them than there
is time. Here all ways are followed at once, so that no filter can hang a gate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

LARGEST: Final = 2000
"""States that an expression may be compiled to; `(a{100}){100}` is refused."""

REMEMBERED: Final = 5000
"""Transitions that are kept; past that they are worked out anew."""

Matcher: TypeAlias = re.Pattern[str]
States: TypeAlias = frozenset[int]

DONE: Final = 0
"""The state in which the expression has matched."""


class PatternError(ValueError):
    """An expression is wrong, or would take too much; `position` is the place in it."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason, position)
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class State:
    """One step of the automaton: take a character, look at an anchor, or go on at once."""

    takes: Matcher | None
    anchor: str
    """`^`, `$` or empty."""

    targets: tuple[int, ...]


@dataclass(slots=True)
class Automaton:
    """The states of one expression, and what was worked out of its transitions so far."""

    states: list[State] = field(default_factory=lambda: [State(None, "", ())])
    start: int = DONE
    _steps: dict[tuple[States, str], States] = field(default_factory=dict)

    def add(self, targets: tuple[int, ...], takes: Matcher | None = None, anchor: str = "") -> int:
        """Add a state and return its number.

        Raises:
            PatternError: if there are too many.
        """
        if len(self.states) >= LARGEST:
            raise PatternError("the expression repeats too much", 0)
        self.states.append(State(takes, anchor, targets))
        return len(self.states) - 1

    def search(self, text: str) -> bool:
        """Tell whether the expression matches anywhere in `text`."""
        current = self._closed({self.start}, "^")
        for character in text:
            if DONE in current:
                return True
            current = self._step(current, character)
        return DONE in self._closed(current, "$" if text else "^$")

    def _step(self, current: States, character: str) -> States:
        """Return where one character leads; a match may also begin behind it."""
        key = (current, character)
        if key not in self._steps:
            if len(self._steps) >= REMEMBERED:
                self._steps.clear()
            taken = {
                state.targets[0]
                for state in (self.states[number] for number in current)
                if state.takes and state.takes.match(character)
            }
            self._steps[key] = self._closed(taken | {self.start}, "")
        return self._steps[key]

    def _closed(self, numbers: set[int] | States, anchors: str) -> States:
        """Return the states and all that follow without a character, at these anchors."""
        reached: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            state = self.states[number]
            if number in reached:
                continue
            reached.add(number)
            if not state.takes and state.anchor in anchors:
                waiting += state.targets
        return frozenset(reached)
