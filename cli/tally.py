"""How many rows there were, and what a person should hear about them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from checkpoint_meta.catalog.row import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import JSONValue


class Tally:
    """Counts rows as they pass; a link is not counted, since it is no checkpoint of its own."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.total = 0
        self._by_status: Counter[Status] = Counter()
        self._links = 0
        self._shown = 0
        self._unseen = list(fields)

    def counted(self, groups: Iterable[Group], now: float) -> Iterator[Group]:
        """Yield each group, its rows counted by their status."""
        for group in groups:
            self.total += len(group)
            statuses, links = group.statuses(), group.links()
            if any(links):
                statuses = [one for one, link in zip(statuses, links, strict=True) if link is None]
            self._links += len(group) - len(statuses)
            self._by_status.update(statuses)
            self._unseen = [
                one for one in self._unseen if not any(map(_is_there, group.column(one, now)))
            ]
            yield group

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


def _is_there(value: JSONValue) -> bool:
    return value is not None
