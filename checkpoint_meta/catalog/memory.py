"""Folders that this process has looked into already, the least recently used forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkpoint_meta.catalog.known import Known

CAPACITY: Final = 20_000
"""Rows, of about 2 kB each."""


class Memory:
    """A cache for processes that build their catalog again and again, such as a UI's."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def get(self, settings: str, key: str) -> Known | None:
        """Return what is known of a folder."""
        with self._lock:
            known = self._kept.get((settings, key))
            if known is not None:
                self._kept.move_to_end((settings, key))
            return known

    def put(self, settings: str, known: Known) -> None:
        """Keep what is known of a folder; one that alone holds too many rows is not kept."""
        with self._lock:
            self._forget((settings, known.key))
            self._kept[settings, known.key] = known
            self._rows += _weight(known)
            while self._rows > self._capacity:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, str]) -> None:
        known = self._kept.pop(key, None)
        if known is not None:
            self._rows -= _weight(known)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._rows = 0


def _weight(known: Known) -> int:
    return 1 + known.total


class MemoryStore:
    """The memory as one scan uses it."""

    def __init__(self, memory: Memory, settings: str) -> None:
        self._memory = memory
        self._settings = settings

    def begin(self, key: str) -> None:
        """Do nothing: everything is at hand."""

    def take(self, key: str) -> tuple[Known, bool] | None:
        """Return what is known of a folder, and whether it may be believed."""
        known = self._memory.get(self._settings, key)
        return None if known is None else (known, known.is_believed())

    def completed(self, known: Known) -> Known | None:
        """Return the same: it has all its fields."""
        return known

    def put(self, known: Known) -> None:
        """Keep what is known of a folder."""
        self._memory.put(self._settings, known)

    def save(self) -> None:
        """Do nothing: it is kept already."""

    def finish(self) -> None:
        """Do nothing: what is gone is forgotten when its turn comes."""

    def close(self) -> None:
        """Do nothing: the memory lives as long as the process."""
