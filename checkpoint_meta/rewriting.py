"""A document put into a text that a person has edited: what did not change stays as it is."""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.yaml import YamlError, parse_yaml
from checkpoint_meta.readers.yaml_layout import Layout, LayoutError, Span, comments_of, layout_of
from checkpoint_meta.schema.text import block_lines, dump_text, inline_text, item_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue

_DASH: Final = re.compile(r" *- +")


def rewrite_text(existing: str, said: JSONValue, document: Mapping[str, JSONValue]) -> str:
    """Return `existing`, which says `said`, changed so that it says `document`.

    Each comment is in it still: beside its value, or in place of a value that is gone; at the end
    where the layout of `existing` is beyond us, and the document is written anew.
    """
    text = _edited(existing, said, document)
    if text is None:
        text = dump_text(document)
    lost = Counter(comments_of(existing)) - Counter(comments_of(text))
    start = text if text.endswith("\n") else f"{text}\n"
    return start + "".join(f"{comment}\n" for comment in lost.elements()) if lost else text


def is_same(one: JSONValue, other: JSONValue) -> bool:
    """Tell whether two values are equal; `true` is not 1, and NaN is itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other or (one != one and other != other)  # noqa: PLR0124


def _edited(existing: str, said: JSONValue, document: Mapping[str, JSONValue]) -> str | None:
    """Return the changed text; `None` where the changes would not come out as meant."""
    if not isinstance(said, dict):
        return None
    try:
        edits = _Edits(layout_of(existing))
        edits.change(edits.layout.root, said, dict(document))
        text = edits.applied()
        return text if is_same(parse_yaml(text, Path("rewritten")), dict(document)) else None
    except (LayoutError, YamlError):
        return None


class _Edits:
    """The changes to one text, gathered as the text is walked from its start to its end."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.edits: list[tuple[int, int, str]] = []
        self.changed: set[str | None] = set()
        """Anchors that are gone, or whose value is another one now; no alias may rely on them."""

    def applied(self) -> str:
        """Return the changed text."""
        text, pieces, done = self.layout.text, [], 0
        newline = "\r\n" if "\r\n" in text else "\n"
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2]):
            if start < done:
                raise LayoutError("two changes overlap")
            pieces += [text[done:start], new.replace("\n", newline)]
            done = end
        return "".join(pieces) + text[done:]

    def change(self, span: Span, old: JSONValue, new: JSONValue) -> None:
        """Have the value at `span`, which is `old`, be `new`."""
        if is_same(old, new):
            if not any(alias in self.changed for _, alias in span.names() if alias):
                return
        elif span.anchor:
            self.changed.add(span.anchor)
        if span.values and isinstance(old, dict) and isinstance(new, dict):
            self._change_mapping(span, old, new)
        elif span.items and isinstance(old, list) and isinstance(new, list):
            self._change_sequence(span, old, new)
        else:
            self._replace(span, new)

    def _replace(self, span: Span, new: JSONValue) -> None:
        self._forget(span)
        start, inline = span.start, inline_text(new)
        if not span.is_flow and span.values and isinstance(new, dict) and new:
            start = next(iter(span.keys.values())).start
            inline = "".join(block_lines(new, " " * self._column(start))).strip()
        elif not span.is_flow or span.start == span.end:
            start, inline = span.slot, f" {inline}"
        if self.layout.text[start : span.end].endswith("\n"):
            inline += "\n"
        line = self.layout.line_start(start)
        self.edits.append((line, line, self._saved(start, span.end, self._indent(line))))
        self.edits.append((start, span.end, inline))

    def _change_mapping(
        self, span: Span, old: dict[str, JSONValue], new: dict[str, JSONValue]
    ) -> None:
        if span.keys.keys() != old.keys():
            raise LayoutError("a mapping is read in two ways")
        gone = [key for key in span.keys if key not in new]
        start = next(iter(span.keys.values()))
        if gone and (span.is_flow or len(gone) == len(old) or not self._starts_line(start.start)):
            self._replace(span, new)
            return
        for key, value in span.values.items():
            if key in new:
                self.change(value, old[key], new[key])
            else:
                self._remove_lines(span.keys[key].start, value)
        self._insert_keys(span, new)

    def _insert_keys(self, span: Span, new: dict[str, JSONValue]) -> None:
        before: Span | None = None
        start = next(iter(span.keys.values())).start
        indent = " " * self._column(start)
        for key, value in new.items():
            if key in span.values:
                before = span.values[key]
            elif span.is_flow:
                self._insert_inline(before, start, inline_text({key: value})[1:-1])
            else:
                self._insert_lines(before, start, "".join(block_lines({key: value}, indent)))

    def _change_sequence(self, span: Span, old: list[JSONValue], new: list[JSONValue]) -> None:
        if len(span.items) != len(old):
            raise LayoutError("a list is read in two ways")
        tail = _same_at_end(old, new)
        paired = min(len(old), len(new)) - tail
        gone = span.items[paired : len(old) - tail]
        is_plain = all(self._is_item(item) for item in (span.items[0], *gone))
        if (gone and (span.is_flow or not new)) or not (span.is_flow or is_plain):
            self._replace(span, new)
            return
        for item, one, other in zip(span.items[:paired], old, new, strict=False):
            self.change(item, one, other)
        for item in gone:
            self._remove_lines(item.start, item)
        before = span.items[paired - 1] if paired else None
        self._insert_items(span, before, new[paired : len(new) - tail])
        for place in range(-tail, 0):
            self.change(span.items[place], old[place], new[place])

    def _insert_items(self, span: Span, before: Span | None, new: list[JSONValue]) -> None:
        start = span.items[0].start
        line = self.layout.line_start(start)
        for value in new:
            if span.is_flow:
                self._insert_inline(before, start, inline_text(value))
            else:
                indent = " " * (self._column(self.layout.text.index("-", line)) + 2)
                self._insert_lines(before, line, "".join(item_lines(value, indent)))

    def _insert_inline(self, before: Span | None, start: int, new: str) -> None:
        if before:
            self.edits.append((before.end, before.end, f", {new}"))
        else:
            self.edits.append((start, start, f"{new}, "))

    def _insert_lines(self, before: Span | None, start: int, new: str) -> None:
        layout = self.layout
        if before is None and not self._starts_line(start):
            place = start  # behind a dash
            new = new.lstrip(" ") + " " * self._column(start)
        else:
            place = layout.line_end(before.end) if before else layout.line_start(start)
            if place and layout.text[place - 1] != "\n":
                new = "\n" + new.removesuffix("\n")
        self.edits.append((place, place, new))

    def _remove_lines(self, start: int, value: Span) -> None:
        self._forget(value)
        start, end = self.layout.line_start(start), self.layout.line_end(value.end)
        self.edits.append((start, end, self._saved(start, end, self._indent(start))))

    def _saved(self, start: int, end: int, indent: str) -> str:
        """Return the comments within, each on a line of its own."""
        return "".join(f"{indent}{one}\n" for one in self.layout.comments_in(start, end))

    def _forget(self, span: Span) -> None:
        self.changed.update(anchor for anchor, _ in span.names() if anchor)

    def _column(self, place: int) -> int:
        return place - self.layout.line_start(place)

    def _indent(self, line: int) -> str:
        rest = self.layout.text[line : self.layout.line_end(line + 1)]
        return " " * (len(rest) - len(rest.lstrip(" ")))

    def _starts_line(self, place: int) -> bool:
        return not self.layout.text[self.layout.line_start(place) : place].strip(" ")

    def _is_item(self, item: Span) -> bool:
        """Tell whether nothing but a dash stands before the item in its line."""
        line = self.layout.text[self.layout.line_start(item.start) : item.start]
        return _DASH.fullmatch(line) is not None


def _same_at_end(old: Sequence[JSONValue], new: Sequence[JSONValue]) -> int:
    """Return how many values are the same at the end, beside those that are at the start."""
    pairs = list(zip(old, new, strict=False))
    head = sum(1 for _ in takewhile(lambda pair: is_same(*pair), pairs))
    ends = list(zip(reversed(old), reversed(new), strict=False))[: len(pairs) - head]
    return sum(1 for _ in takewhile(lambda pair: is_same(*pair), ends))
