"""Blocks that differ from one that was read before in numbers only, as metrics and steps do.

Their numbers are put in place without parsing YAML or asking the schema of anything else. Where a
number goes is found out, not assumed: the block is parsed twice with other numbers. Each must come
back as a value of its own, and nothing else may change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.said import Said
from checkpoint_meta.readers.yaml_blocks import parse_blocks
from checkpoint_meta.schema.sure import accepts_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue

_NUMBER: Final = re.compile(
    r": (-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,24})?)$", re.ASCII | re.MULTILINE
)
"""A number that ends a line; every YAML reader takes it for the same one."""

_MOST: Final = 512
"""Templates that are remembered."""

_LONGEST: Final = 2000
"""Characters of a block that may be one."""


class _Slot(NamedTuple):
    """Where a number goes."""

    place: int
    """Among the cells."""

    is_float: bool
    accepts: Callable[[object], bool]


class _Template(NamedTuple):
    key: str
    fields: tuple[FieldPath, ...]
    cells: tuple[JSONValue, ...]
    slots: tuple[_Slot, ...]

    def filled(self, block: str, numbers: Sequence[str]) -> Said | None:
        """Return what a block says with these numbers; `None` if one of them does not fit."""
        cells = [*self.cells]
        for text, (place, is_float, accepts) in zip(numbers, self.slots, strict=True):
            if ("." in text) is not is_float:
                return None
            number = float(text) if is_float else int(text)
            if not accepts(number):
                return None
            cells[place] = number
        return Said(None, self.fields, tuple(cells), block)


class Templates:
    """Templates by the text around their numbers, learned from blocks that come again."""

    def __init__(self, make: Callable[[dict[str, object]], Said | None]) -> None:
        """`make` makes of a block, a mapping of one key, what it says."""
        self._make = make
        self._known: dict[tuple[str, ...], _Template | None] = {}
        self._met: set[tuple[str, ...]] = set()

    def fill(self, block: str) -> tuple[str, Said] | None:
        """Return what a block says, and its key, if it is like one that is known."""
        if len(block) > _LONGEST:
            return None
        parts = _NUMBER.split(block)
        around, numbers = tuple(parts[::2]), parts[1::2]
        template = self._known.get(around) or self._learned(around, numbers)
        said = template.filled(block, numbers) if template else None
        return None if template is None or said is None else (template.key, said)

    def _learned(self, around: tuple[str, ...], numbers: Sequence[str]) -> _Template | None:
        """Return the template of a block if it is met for the second time."""
        if not numbers or around in self._known:
            return None
        if around not in self._met:
            # Most texts that come once only never come again.
            if len(self._met) >= _MOST:
                self._met.clear()
            self._met.add(around)
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[around] = template = self._template(around, numbers)
        return template

    def _template(self, around: tuple[str, ...], numbers: Sequence[str]) -> _Template | None:
        """Return where numbers go, as far as two readings with other numbers agree on it."""
        readings = [self._marked(around, numbers, first) for first in _FIRST]
        known = [reading for reading in readings if reading is not None]
        if len(known) < len(readings):
            return None
        (key, said, places), (_, again, others) = known
        pairs = enumerate(zip(said.cells, again.cells, strict=True))
        changed = {place for place, (one, other) in pairs if repr(one) != repr(other)}
        if places != others or changed != {*places} or said.fields != again.fields:
            return None
        checks = [accepts_at(said.fields[place]) for place in places]
        slots = [
            _Slot(place, "." in text, accepts)
            for place, text, accepts in zip(places, numbers, checks, strict=True)
            if accepts is not None
        ]
        whole = len(slots) == len(places)
        return _Template(key, said.fields, said.cells, tuple(slots)) if whole else None

    def _marked(
        self, around: tuple[str, ...], numbers: Sequence[str], first: int
    ) -> tuple[str, Said, list[int]] | None:
        """Return what a block says with numbers from `first` on, and where each of them went."""
        marks = [
            f"0.{first + place}" if "." in text else f"{first + place}"
            for place, text in enumerate(numbers)
        ]
        marked = "".join(f"{text}: {mark}" for text, mark in zip(around, marks, strict=False))
        parsed = parse_blocks([marked + around[-1]], self._make)
        if parsed is None:
            return None
        ((key, said),) = parsed
        shown = [repr(cell) for cell in said.cells]
        if any(shown.count(mark) != 1 for mark in marks):
            return None
        return key, said, [shown.index(mark) for mark in marks]


_FIRST: Final = (7_306_211, 2_940_683)
"""Of the numbers that are looked for again: in a block that has one of them, the other tells."""
