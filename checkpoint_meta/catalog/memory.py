"""Rows that this process has read already, the least recently used forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.index import COARSEST_NS, is_still, newest_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.walk import Found, Listing

CAPACITY: Final = 20_000
"""Rows, of about 2 kB each."""


class _Kept(NamedTuple):
    found: Found
    facts: Facts


class Memory:
    """A cache for processes that build their catalog again and again, such as a UI's."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, settings: str, found: Found) -> Row | None:
        """Return the row if nothing that it was read from changed."""
        key = (settings, found.path)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.found != found:
                return None
            self._kept.move_to_end(key)
        return kept.facts.row if all(is_still(*one) for one in kept.facts.watched) else None

    def put(self, settings: str, found: Found, facts: Facts) -> None:
        """Keep a row."""
        key = (settings, found.path)
        with self._lock:
            self._kept[key] = _Kept(found, facts)
            self._kept.move_to_end(key)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


class MemoryStore:
    """The memory as one scan uses it."""

    def __init__(self, memory: Memory, settings: str, started_ns: int) -> None:
        self._memory = memory
        self._settings = settings
        self._started_ns = started_ns

    def expect(self, listings: Sequence[Listing]) -> None:
        """Do nothing: everything is at hand."""

    def rows(self, listing: Listing) -> dict[str, Row]:
        """Return the rows of a folder's checkpoints that did not change, by name."""
        rows = {found.name: self._memory.get(self._settings, found) for found in listing.found}
        return {name: row for name, row in rows.items() if row is not None}

    def remember(self, found: Found, facts: Facts) -> None:
        """Keep what was read, unless it may change again without anybody seeing it."""
        if newest_ns(found, facts) < self._started_ns - COARSEST_NS:
            self._memory.put(self._settings, found, facts)

    def save(self) -> None:
        """Do nothing: it is kept already."""

    def close(self) -> None:
        """Do nothing: the memory lives as long as the process."""
