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
        self._shown_by_status: Counter[Status] = Counter()
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
            if row.link is None:
                self._shown_by_status[row.status] += 1
            yield row

    def summary(self) -> str:
        """Return the counts of what is shown, and what nobody has."""
        is_all = self._shown == self.total
        by_status = self._by_status if is_all else self._shown_by_status
        links = self._links if is_all else self._shown - self._shown_by_status.total()
        counts = [f"{by_status[one]} {one}" for one in Status if by_status[one]]
        if links:
            counts.append(f"{links} link{'s' if links > 1 else ''}")
        shown = "" if is_all else f"{self._shown} of "
        entries = "checkpoint" if self.total == 1 else "checkpoints"
        lines = [f"{shown}{self.total} {entries}{': ' if counts else ''}{', '.join(counts)}"]
        lines += [f"none has {one.name!r}" for one in self._unseen]
        if by_status[Status.MISSING]:
            lines.append("ckpt-meta convert writes the missing sidecars")
        return "\n".join(lines)


def _is_there(value: JSONValue) -> bool:
    return value is not None
