"""Text in columns: on a terminal as wide as that is, on a pipe whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .output import Output

_GAP: Final = 2
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


@dataclass(frozen=True, slots=True)
class Table:
    """Heads and rows."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]

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
        table = Table(
            [self.heads[place] for place in places],
            [[row[place] for place in places] for row in self.rows],
        )
        return table._shortened(width), dropped[::-1]

    def _least(self, places: Sequence[int]) -> int:
        widths = [
            min(self._width(place), _NARROWEST)
            if self.heads[place].is_flexible
            else self._width(place)
            for place in places
        ]
        return sum(widths) + _GAP * (len(widths) - 1)

    def _shortened(self, width: int) -> Table:
        """Shorten flexible columns, the widest one first."""
        widths = [self._width(place) for place in range(len(self.heads))]
        flexible = [place for place, head in enumerate(self.heads) if head.is_flexible]
        excess = sum(widths) + _GAP * (len(widths) - 1) - width
        while excess > 0 and flexible:
            widest = max(flexible, key=lambda place: widths[place])
            if widths[widest] <= _NARROWEST:
                break
            widths[widest] -= 1
            excess -= 1
        heads = [
            replace(head, name=shorten(head.name, widths[place])) if place in flexible else head
            for place, head in enumerate(self.heads)
        ]
        rows = [
            [
                Cell(shorten(cell.text, widths[place]), cell.style) if place in flexible else cell
                for place, cell in enumerate(row)
            ]
            for row in self.rows
        ]
        return Table(heads, rows)

    def _width(self, place: int) -> int:
        cells = (cell_width(row[place].text) for row in self.rows)
        return max(cell_width(self.heads[place].name), max(cells, default=0))

    def lines(self) -> Iterator[list[Cell]]:
        """Yield the heads and each row as cells that are as wide as their columns."""
        widths = [self._width(place) for place in range(len(self.heads))]
        yield self._padded([Cell(head.name, "bold") for head in self.heads], widths)
        for row in self.rows:
            yield self._padded(row, widths)

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
    if not table.rows:
        return []
    if not output.is_terminal():
        for line in table.lines():
            output.line("  ".join(cell.text for cell in line).rstrip())
        return []
    from rich.text import Text

    console = output.console()
    fitted, left_out = table.fitted(console.width)
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
