"""Rows of named numbers in the order in which a run logged them, packed."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MOST_NUMBERS: Final = 8_000_000
"""Numbers that one table may hold, 64 MB: far more than any run that a person looks at."""

MOST_SHAPES: Final = 100_000
"""Different sets of names that the rows of one table may have."""

_LARGEST_STEP: Final = 2**63


class NotALogError(ValueError):
    """The bytes are no log of the kind that was expected, or hold more than any log does."""


@dataclass(slots=True)
class ScalarTable:
    """The rows of one log, by the step that each was logged at.

    A row is kept as eight bytes a number: a log of 100,000 rows takes a few megabytes, where
    dictionaries would take a hundred.
    """

    _steps: array[int] = field(default_factory=lambda: array("q"))
    _shapes: array[int] = field(default_factory=lambda: array("l"))
    _starts: array[int] = field(default_factory=lambda: array("q"))
    _numbers: array[float] = field(default_factory=lambda: array("d"))
    _names: list[tuple[str, ...]] = field(default_factory=list)
    _known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def steps(self) -> Sequence[int]:
        """Return the step of each row, in their order."""
        return self._steps

    @property
    def size_bytes(self) -> int:
        """Return about how much memory the rows take."""
        return 8 * (3 * len(self._steps) + len(self._numbers)) + 200 * len(self._names)

    def append(self, step: float, row: Mapping[str, float]) -> None:
        """Add a row; one whose step is no whole number is none that a checkpoint can have.

        Raises:
            NotALogError: if there is no room for it.
        """
        if not math.isfinite(step) or step != int(step) or abs(step) >= _LARGEST_STEP:
            return
        names = tuple(row)
        shape = self._known.get(names)
        if shape is None:
            shape = self._known[names] = len(self._names)
            self._names.append(names)
        self._steps.append(int(step))
        self._shapes.append(shape)
        self._starts.append(len(self._numbers))
        self._numbers.extend(row.values())
        if len(self._numbers) > MOST_NUMBERS or len(self._names) > MOST_SHAPES:
            raise NotALogError(f"more than {MOST_NUMBERS} numbers, or their names never end")

    def rows_with(
        self, has: Callable[[tuple[str, ...]], bool]
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the step and the numbers of each row whose names `has` accepts."""
        wanted = {shape for shape, names in enumerate(self._names) if has(names)}
        for place, shape in enumerate(self._shapes):
            if shape in wanted:
                yield self._steps[place], self._row(place)

    def _row(self, place: int) -> dict[str, float]:
        names, start = self._names[self._shapes[place]], self._starts[place]
        return dict(zip(names, self._numbers[start : start + len(names)], strict=True))

    def rows_at(self, step: int) -> Iterator[dict[str, float]]:
        """Yield the rows that were logged at `step`, in their order."""
        place = -1
        while True:
            try:
                place = self._steps.index(step, place + 1)
            except ValueError:
                return
            yield self._row(place)
