"""The syntax of regular expressions in filters: what `re` and most others have in common."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Final, Protocol

from checkpoint_meta.catalog.patterns import DONE, Automaton, Matcher, PatternError, State

LONGEST: Final = 500
"""Characters that an expression may have."""

DEEPEST: Final = 20
"""Groups in groups."""

_ATOM: Final = re.compile(
    r"\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\](){}*+?|^$]"
)
_REPEAT: Final = re.compile(r"([*+?])|\{(\d{1,4})(?:(,)(\d{0,4}))?\}")
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class Node(Protocol):
    """A part of an expression."""

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add the part's states, which go on to the state `then`; return where it begins."""
        ...


@dataclass(frozen=True, slots=True)
class Character:
    """One character of a set."""

    matcher: Matcher

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add one state."""
        return automaton.add((then,), takes=self.matcher)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The beginning or the end of the text."""

    sign: str

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add one state."""
        return automaton.add((then,), anchor=self.sign)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts that follow one another."""

    parts: tuple[Node, ...]

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add the parts, the last one first."""
        for part in reversed(self.parts):
            then = part.compile(automaton, then)
        return then


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Parts of which one stands there."""

    parts: tuple[Node, ...]

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add a fork to each part."""
        return automaton.add(tuple(part.compile(automaton, then) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; without end where `most` is `None`."""

    part: Node
    least: int
    most: int | None

    def compile(self, automaton: Automaton, then: int) -> int:
        """Add the part as often as it may stand there, or a loop."""
        after = then
        if self.most is None:
            loop = automaton.add(())
            begin = self.part.compile(automaton, loop)
            automaton.states[loop] = State(None, "", (begin, after))
            then = loop
        else:
            for _ in range(self.most - self.least):
                then = automaton.add((self.part.compile(automaton, then), after))
        for _ in range(self.least):
            then = self.part.compile(automaton, then)
        return then


def compile_pattern(text: str, *, ignore_case: bool = False) -> Automaton:
    """Return the automaton of an expression.

    Raises:
        PatternError: if it is wrong, too long, or uses what is not offered here: references to
            groups and looking around.
    """
    if len(text) > LONGEST:
        raise PatternError(f"the expression has more than {LONGEST} characters", LONGEST)
    node = _Parser(text, re.IGNORECASE if ignore_case else re.NOFLAG).parse()
    automaton = Automaton()
    automaton.start = node.compile(automaton, DONE)
    return automaton


@dataclass(slots=True)
class _Parser:
    text: str
    flags: re.RegexFlag
    place: int = 0
    depth: int = 0

    def parse(self) -> Node:
        node = self._alternatives()
        if self.place < len(self.text):
            raise PatternError("a ) that opens nowhere", self.place)
        return node

    def _alternatives(self) -> Node:
        arms = [self._sequence()]
        while self.text.startswith("|", self.place):
            self.place += 1
            arms.append(self._sequence())
        return arms[0] if len(arms) == 1 else Alternatives(tuple(arms))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            parts.append(self._repeated())
        return Sequence(tuple(parts))

    def _repeated(self) -> Node:
        part = self._one()
        found = _REPEAT.match(self.text, self.place)
        if found is None:
            return part
        least, most = _bounds(found)
        if most is not None and most < least:
            raise PatternError("the second number is smaller than the first", self.place)
        if isinstance(part, Anchor):
            raise PatternError(f"{part.sign} cannot be repeated", self.place)
        self.place = found.end()
        if self.text.startswith("?", self.place):
            # Lazy or not makes no difference to whether it matches.
            self.place += 1
        if _REPEAT.match(self.text, self.place) or self.text.startswith("+", self.place):
            raise PatternError("repeated twice", self.place)
        return Repeat(part, least, most)

    def _one(self) -> Node:
        if self.text[self.place] in "^$":
            self.place += 1
            return Anchor(self.text[self.place - 1])
        if self.text[self.place] == "(":
            return self._group()
        found = _ATOM.match(self.text, self.place)
        if found is None:
            raise PatternError(f"{self.text[self.place]!r} is not offered here", self.place)
        matcher = _matcher(found[0], self.flags, self.place)
        self.place = found.end()
        return Character(matcher)

    def _group(self) -> Node:
        began = self.place
        self.place += 3 if self.text.startswith("(?:", began) else 1
        if self.text.startswith("?", self.place):
            raise PatternError("groups that look around or have names are not offered", began)
        self.depth += 1
        if self.depth > DEEPEST:
            raise PatternError(f"more than {DEEPEST} groups in one another", began)
        node = self._alternatives()
        if not self.text.startswith(")", self.place):
            raise PatternError("a ( that is not closed", began)
        self.place += 1
        self.depth -= 1
        return node


def _matcher(atom: str, flags: re.RegexFlag, place: int) -> Matcher:
    try:
        with warnings.catch_warnings():
            # `[[` will mean something else in some later Python; here it does not.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(atom, flags)
    except re.error as error:
        raise PatternError(error.msg, place) from error


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    if found[1]:
        return _SIGNS[found[1]]
    least = int(found[2])
    if not found[3]:
        return least, least
    return least, int(found[4]) if found[4] else None
