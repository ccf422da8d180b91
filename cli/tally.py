"""How many rows there were, and what a person should hear about them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from checkpoint_meta.catalog.row import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.row import Row


class Tally:
    """Counts rows as they pass; a link is not counted, since it is no checkpoint of its own."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.total = 0
        self._by_status: Counter[Status] = Counter()
        self._links = 0
        self._shown = 0
        self._unseen = list(fields)

    def counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield each row, counted by its status."""
        for row in rows:
            self.total += 1
            if row.link is None:
                self._by_status[row.status] += 1
            else:
                self._links += 1
            if self._unseen:
                self._unseen = [one for one in self._unseen if one.value(row.values) is None]
            yield row

    def shown(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield each row, counted as shown."""
        for row in rows:
            self._shown += 1
            yield row

    def summary(self) -> str:
        """Return the counts, and what nobody has."""
        counts = [f"{self._by_status[one]} {one}" for one in Status if self._by_status[one]]
        if self._links:
            counts.append(f"{self._links} link{'s' if self._links > 1 else ''}")
        shown = f"{self._shown} of " if self._shown < self.total else ""
        entries = "checkpoint" if self.total == 1 else "checkpoints"
        lines = [f"{shown}{self.total} {entries}: {', '.join(counts)}"]
        lines += [f"none has {one.name!r}" for one in self._unseen]
        if self._by_status[Status.MISSING]:
            lines.append("ckpt-meta convert writes the missing sidecars")
        return "\n".join(lines)
