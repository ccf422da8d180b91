"""Which rows of a folder may be the best of their run, and which way they sort."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from checkpoint_meta.catalog.sorting import MODE, MONITOR, SCORE, Order, modes_of, order_by_name
from checkpoint_meta.catalog.values import is_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.sorting import ModesOfRows
    from checkpoint_meta.evidence import FieldPath, JSONValue

_decode: Final = json.JSONDecoder().raw_decode
"""Without the search for white space of `json.loads`, which takes as long as the rest."""

BEST: Final[FieldPath] = ("checkpointing", "best")
STEP: Final[FieldPath] = ("training", "global_step")


class Columns(Protocol):
    """Rows that were found together."""

    def cells(self, path: FieldPath) -> Sequence[JSONValue]:
        """Return each row's value of this very field; nothing where none has it."""
        ...

    def eligible(self) -> Sequence[bool]:
        """Tell of each row whether it may be called the best."""
        ...


class First(NamedTuple):
    """The best one by its score; an earlier step wins a tie, then the order of the names."""

    rank: float
    """The lower, the better the score."""

    step: float
    place: int


class Standing(NamedTuple):
    """What some rows say of which is better."""

    recorded: tuple[int, ...] = ()
    """Places of those that were recorded as the best."""

    first: First | None = None
    modes: ModesOfRows = ()

    @classmethod
    def of(cls, rows: Columns) -> Standing:
        """Return the standing of some rows; those that may not be called the best are left out."""
        eligible = rows.eligible()
        nothing = (None,) * len(eligible)
        scores, best = rows.cells(SCORE), rows.cells(BEST)
        modes = modes_of(rows.cells(MONITOR) or nothing, rows.cells(MODE) or nothing)
        if not scores and not best:
            return cls(modes=modes)
        recorded = [place for place, one in enumerate(best) if one is True and eligible[place]]
        ranks = _ranks(rows, scores or nothing)
        firsts = [
            First(rank, step if isinstance(step, int) else math.inf, place)
            for place, (rank, step) in enumerate(
                zip(ranks, rows.cells(STEP) or nothing, strict=True)
            )
            if rank is not None and eligible[place]
        ]
        return cls(tuple(recorded), min(firsts, default=None), modes)

    @classmethod
    def read(cls, text: str) -> Standing:
        """Return what `text` was made of."""
        recorded, first, modes = _decode(text)[0]
        best = None if first is None else First(*first)
        return cls(tuple(recorded), best, tuple(map(tuple, modes)))

    @property
    def text(self) -> str:
        """Return the standing as it is kept."""
        return json.dumps(self, separators=(",", ":"))


def _ranks(rows: Columns, scores: Sequence[JSONValue]) -> list[float | None]:
    """Return for each score a number that is the lower the better it is; `None` for none."""
    nothing = (None,) * len(scores)
    modes, monitors = rows.cells(MODE) or nothing, rows.cells(MONITOR) or nothing
    return [
        None
        if not isinstance(score, (int, float)) or not is_known(score)
        else -score
        if mode == "max" or (mode != "min" and _is_high(monitor))
        else score
        for score, mode, monitor in zip(scores, modes, monitors, strict=True)
    ]


def _is_high(monitor: JSONValue) -> bool:
    return order_by_name(str(monitor)) is Order.DESCENDING
