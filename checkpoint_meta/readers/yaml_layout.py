"""Where each value and each comment of a YAML text stands, so that one can be changed alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ruamel.yaml.events import Event

_COMMENT: Final = re.compile(r"(?:(?<=\s)|^|\ufeff)#[^\r\n]*", re.MULTILINE)
_COLON: Final = re.compile(r"\s*:")

_AROUND: Final = 4
"""Events around the one document: the stream and the document, each with its end."""


class LayoutError(ValueError):
    """The text is laid out in a way that is not understood here."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value in a text, with its anchor and tag."""

    start: int
    end: int
    """Behind its last character; behind the last item of a block."""

    slot: int
    """Behind the colon or dash that it belongs to; where `start` is for the outermost value."""

    alias: str | None = None
    """Name of the anchor that it stands for."""

    anchor: str | None = None
    is_flow: bool = True
    """In brackets, or a scalar: it can be replaced in its line."""

    keys: dict[str, Span] = field(default_factory=dict)
    values: dict[str, Span] = field(default_factory=dict)
    items: tuple[Span, ...] = ()

    @property
    def parts(self) -> tuple[Span, ...]:
        """Return the values within, as they follow each other."""
        return (*self.values.values(), *self.items)

    def names(self) -> Iterator[tuple[str | None, str | None]]:
        """Yield the anchor and the alias of each value within and of this one."""
        yield self.anchor, self.alias
        for part in self.parts:
            yield from part.names()


@dataclass(frozen=True, slots=True)
class Layout:
    """A text with the places of its values and comments."""

    text: str
    root: Span
    comments: tuple[tuple[int, int], ...]

    def comments_in(self, start: int, end: int) -> list[str]:
        """Return the comments that begin between two places."""
        return [self.text[one:two] for one, two in self.comments if start <= one < end]

    def line_start(self, place: int) -> int:
        """Return where the line of `place` begins."""
        return self.text.rfind("\n", 0, place) + 1

    def line_end(self, place: int) -> int:
        """Return where the line that holds the character before `place` is over."""
        found = self.text.find("\n", max(place - 1, 0))
        return len(self.text) if found < 0 else found + 1


def layout_of(text: str) -> Layout:
    """Return the places in a text that holds one document.

    Raises:
        LayoutError: if it is not understood.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        # A new one each time: a directive of one text would hold for the next.
        events = list(YAML(typ="safe", pure=True).parse(text))
    except (YAMLError, ValueError) as error:
        raise LayoutError(str(error)) from error
    if len(events) <= _AROUND:
        raise LayoutError("no document")
    reader = _Reader(text, iter(events[_AROUND // 2 :]))
    root = reader.value(next(reader.events), None)
    return Layout(text, root, tuple(_comments(text, reader.leaves)))


def comments_of(text: str) -> list[str]:
    """Return the comments of a text; of one that is not understood, what looks like them."""
    try:
        layout = layout_of(text)
    except LayoutError:
        return [found[0] for found in _COMMENT.finditer(text)]
    return layout.comments_in(0, len(text))


def _comments(text: str, leaves: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    place = 0
    for start, end in [*leaves, (len(text), len(text))]:
        for found in _COMMENT.finditer(text, place, start):
            yield found.span()
        place = end


class _Reader:
    """Builds the spans of one text."""

    def __init__(self, text: str, events: Iterator[Event]) -> None:
        self.text = text
        self.events = events
        self.leaves: list[tuple[int, int]] = []

    def value(self, event: Event, slot: int | None) -> Span:
        """Return the span of the value that `event` begins."""
        from ruamel.yaml.events import AliasEvent, MappingStartEvent, SequenceStartEvent

        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, start if slot is None else slot)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, start if slot is None else slot)
        if start == end and slot is not None:
            # Nothing stands there; the parser may have looked as far as the next line.
            start = end = slot
        self._leaf(start, end)
        slot = start if slot is None else slot
        if isinstance(event, AliasEvent):
            return Span(start, end, slot, alias=event.anchor)
        return Span(start, end, slot, anchor=getattr(event, "anchor", None))

    def _leaf(self, start: int, end: int) -> None:
        if self.text[end - 1 : end] == "\n" and self.text[start] in "|>&!":
            # A text of many lines, and a comment may stand behind its `|`.
            comment = _COMMENT.search(self.text, start, self.text.index("\n", start))
            if comment:
                self.leaves += [(start, comment.start()), (comment.end(), end)]
                return
        self.leaves.append((start, end))

    def _mapping(self, event: Event, slot: int) -> Span:
        from ruamel.yaml.events import MappingEndEvent

        keys: dict[str, Span] = {}
        values: dict[str, Span] = {}
        while not isinstance(following := next(self.events), MappingEndEvent):
            key = self.value(following, None)
            name = getattr(following, "value", None)
            colon = _COLON.match(self.text, key.end)
            if not isinstance(name, str) or name in keys or colon is None:
                raise LayoutError(f"the key {name!r}")
            keys[name] = key
            values[name] = self.value(next(self.events), colon.end())
        return self._block(event, following, slot, (keys, values, ()))

    def _sequence(self, event: Event, slot: int) -> Span:
        from ruamel.yaml.events import SequenceEndEvent

        items: list[Span] = []
        while not isinstance(following := next(self.events), SequenceEndEvent):
            items.append(self.value(following, following.start_mark.index))
        return self._block(event, following, slot, ({}, {}, tuple(items)))

    def _block(
        self,
        first: Event,
        last: Event,
        slot: int,
        inner: tuple[dict[str, Span], dict[str, Span], tuple[Span, ...]],
    ) -> Span:
        keys, values, items = inner
        ends = [part.end for part in (*values.values(), *items)]
        is_flow = bool(getattr(first, "flow_style", False))
        end = last.end_mark.index if is_flow or not ends else ends[-1]
        anchor = getattr(first, "anchor", None)
        return Span(first.start_mark.index, end, slot, None, anchor, is_flow, keys, values, items)
