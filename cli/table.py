"""Text in columns: on a terminal as wide as that is, on a pipe whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .output import Output

Item = TypeVar("Item")

_GAP: Final = 2

MANY: Final = 10_000
"""Rows from which on their cells are made twice: kept, 100,000 rows would take 100 MB."""

_ELLIPSIS: Final = "…"
_NARROWEST: Final = 16
"""Columns that a text keeps before others are left out."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and how it is colored on a terminal."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column."""

    name: str
    is_number: bool = False
    weight: int = 0
    """Which column is left out first where the terminal is too narrow; 0 never is."""

    is_flexible: bool = False
    """Long texts, such as paths, may be shortened in their middle."""


class Lines(Collection[Sequence[Cell]], Generic[Item]):
    """The cells of each row, made anew each time that they are gone through."""

    def __init__(self, items: Collection[Item], make: Callable[[Item], Sequence[Cell]]) -> None:
        self._items = items
        self._make = make

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        """Yield the cells of each row."""
        return map(self._make, self._items)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._items)

    def __contains__(self, cells: object) -> bool:
        """Tell whether a row has these cells."""
        return any(cells == one for one in self)


@dataclass(frozen=True, slots=True)
class Table:
    """Heads and rows."""

    heads: Sequence[Head]
    rows: Collection[Sequence[Cell]]
    widths: Sequence[int]
    """Of each column, in columns of the terminal."""

    @classmethod
    def of(cls, heads: Sequence[Head], rows: Collection[Sequence[Cell]]) -> Table:
        """Return the table, its columns as wide as the widest of their cells."""
        # A metric or a file may have given the name.
        heads = [replace(head, name=printable(head.name)) for head in heads]
        widths = [cell_width(head.name) for head in heads]
        if len(rows) < MANY:
            rows = list(rows)
        for row in rows:
            for place, cell in enumerate(row):
                width = cell_width(cell.text)
                widths[place] = max(widths[place], width)
        return cls(heads, rows, widths)

    def chosen(self, places: Sequence[int]) -> Table:
        """Return the table of some of its columns."""
        rows = Lines(self.rows, lambda row: [row[place] for place in places])
        return Table(
            [self.heads[place] for place in places], rows, [self.widths[place] for place in places]
        )

    def fitted(self, width: int) -> tuple[Table, list[str]]:
        """Return the table that fits into `width`, and the names of the columns left out."""
        places = list(range(len(self.heads)))
        dropped: list[str] = []
        while self._least(places) > width:
            heaviest = max(places, key=lambda place: (self.heads[place].weight, place))
            if self.heads[heaviest].weight == 0:
                break
            places.remove(heaviest)
            dropped.append(self.heads[heaviest].name)
        return self._shortened(places, width), dropped[::-1]

    def _least(self, places: Sequence[int]) -> int:
        widths = [
            min(self.widths[place], _NARROWEST)
            if self.heads[place].is_flexible
            else self.widths[place]
            for place in places
        ]
        return sum(widths) + _GAP * (len(widths) - 1)

    def _shortened(self, places: Sequence[int], width: int) -> Table:
        """Return the table of these columns; flexible ones are shortened, the widest first."""
        widths = {place: self.widths[place] for place in places}
        flexible = [place for place in places if self.heads[place].is_flexible]
        excess = sum(widths.values()) + _GAP * (len(widths) - 1) - width
        while excess > 0 and flexible:
            widest = max(flexible, key=widths.__getitem__)
            if widths[widest] <= _NARROWEST:
                break
            widths[widest] -= 1
            excess -= 1
        heads = [
            replace(self.heads[place], name=shorten(self.heads[place].name, widths[place]))
            for place in places
        ]

        def line(row: Sequence[Cell]) -> list[Cell]:
            shortened = ((shorten(row[place].text, widths[place]), place) for place in places)
            return [Cell(text, row[place].style) for text, place in shortened]

        return Table(heads, Lines(self.rows, line), list(widths.values()))

    def lines(self) -> Iterator[list[Cell]]:
        """Yield the heads and each row as cells that are as wide as their columns."""
        yield self._padded([Cell(head.name, "bold") for head in self.heads], self.widths)
        for row in self.rows:
            yield self._padded(row, self.widths)

    def _padded(self, cells: Sequence[Cell], widths: Sequence[int]) -> list[Cell]:
        padded: list[Cell] = []
        last = len(widths) - 1
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            space = " " * (width - cell_width(cell.text))
            if self.heads[place].is_number:
                text = space + cell.text
            else:
                text = cell.text if place == last else cell.text + space
            padded.append(Cell(text, cell.style))
        return padded


def print_table(table: Table, output: Output) -> list[str]:
    """Print a table: colored and as wide as the terminal, or plain and whole.

    Return the names of the columns for which there was no room.
    """
    if len(table.rows) == 0:
        return []
    if not (output.is_terminal() or output.is_drawn()):
        for line in table.lines():
            output.line("  ".join(cell.text for cell in line).rstrip())
        return []
    from rich.text import Text

    console = output.console()
    # What goes into a pipe may be colored, but is not cut.
    fitted, left_out = table.fitted(console.width) if output.is_terminal() else (table, [])
    for line in fitted.lines():
        text = Text("  ").join(Text(cell.text, cell.style) for cell in line)
        console.print(text, no_wrap=True, crop=False, overflow="ignore")
    if left_out:
        output.say(f"no room for {', '.join(left_out)}; --columns chooses")
    return left_out


def cell_width(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, width: int) -> str:
    """Return `text` without its middle where it is too wide: names differ at their ends."""
    if cell_width(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    head = width - 1 - tail
    begin, end = text[:head], text[-tail:]
    while cell_width(begin) > head:
        begin = begin[:-1]
    while cell_width(end) > tail:
        end = end[1:]
    return f"{begin}{_ELLIPSIS}{end}"
