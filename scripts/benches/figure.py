"""One figure of a bench: ours, a peer's, their ratio, and what it should be."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BY_FAR: Final = 3
"""How many times an aim may be missed: machines are busy."""


@dataclass(frozen=True)
class Figure:
    """A ratio with its aim; `ours` and `peer` are in `unit`, smaller is better."""

    name: str
    ours: float
    peer: float
    unit: str
    aim: float
    """What `peer / ours` should at least be."""

    peer_name: str

    @property
    def ratio(self) -> float:
        """Return how many times smaller ours is."""
        return self.peer / self.ours

    @property
    def is_missed_by_far(self) -> bool:
        """Tell whether the aim is missed by more than a busy machine explains."""
        return self.ratio * BY_FAR < self.aim

    def __str__(self) -> str:
        ours = f"{self.ours:,.4g} {self.unit}"
        peer = f"{self.peer_name} {self.peer:,.4g} {self.unit}"
        met = "" if self.ratio >= self.aim else " (missed)"
        return f"{self.name}: {ours}, {peer}, {self.ratio:.3g} x, aim {self.aim:g} x{met}"


def median_ms(action: Callable[[], object], runs: int) -> float:
    """Return the median time of an action in milliseconds, after one run to warm up."""
    action()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
