"""What earlier scans left: believed as long as no file changed, and completed by this one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from checkpoint_meta.catalog.group import ReadGroup
from checkpoint_meta.catalog.kept_group import KeptGroup
from checkpoint_meta.catalog.known import Known, column_texts, heads_in, key_of_root, watched_text
from checkpoint_meta.catalog.marks import folder_changed_ns, mark_of
from checkpoint_meta.catalog.row import Facts, Watched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.found import Found, Listing

COARSEST_NS: Final = 2_000_000_000
"""Two changes of a file within this time may leave it with the same time: file systems differ."""

_TOGETHER: Final = 2048
"""Rows that are written together: memory does not grow with their number."""


class Store(Protocol):
    """Where folders are kept that were looked into before."""

    def begin(self, key: str) -> None:
        """Get ready for a walk below the folder of this key."""
        ...

    def take(self, key: str) -> tuple[Known, bool] | None:
        """Return what is known of a folder, and whether it may be believed."""
        ...

    def completed(self, known: Known) -> Known | None:
        """Return the same with all its fields; `None` where they are gone."""
        ...

    def put(self, known: Known) -> None:
        """Keep what is known of a folder."""
        ...

    def finish(self) -> None:
        """Note that the walk is at its end."""
        ...

    def save(self) -> None:
        """Write what is to be kept."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class _Settled(NamedTuple):
    """A checkpoint whose files are old enough to be kept."""

    found: Found
    facts: Facts


class Kept:
    """The stores as one scan uses them: the first that knows a folder is believed."""

    def __init__(self, stores: Sequence[Store], started_ns: int, *, refresh: bool = False) -> None:
        """What changed shortly before `started_ns` is not kept: it may change again unseen.

        With `refresh` nothing that was kept is believed.
        """
        self._stores = stores
        self._settled_ns = started_ns - COARSEST_NS
        self._refresh = refresh
        self._changed: dict[str, Known] = {}
        self._unsaved = 0

    def begin(self, root: Path) -> None:
        """Get ready for a walk below a folder."""
        key = key_of_root(root)
        if key is not None:
            for store in self._stores:
                store.begin(key)

    def recall(self, key: str) -> Known | None:
        """Return what is known of a folder if it is as it was."""
        for store in () if self._refresh else self._stores:
            taken = store.take(key)
            if taken is not None:
                known, is_believed = taken
                if is_believed:
                    return known
                whole = store.completed(known)
                if whole is not None:
                    self._changed[key] = whole
        return None

    def rows(self, listing: Listing) -> dict[str, Facts]:
        """Return what still holds in a folder where something changed, by name."""
        known = self._changed.get(listing.key or "")
        if known is None:
            return {}
        group, heads = KeptGroup(listing.folder, "", known), heads_in(known.heads)
        places = {name: place for place, name in enumerate(heads.names)}
        watched = tuple(Watched.of(*one) for one in json.loads(known.watched or "[]"))
        is_still = not watched or known.is_watched_still()
        rows: dict[str, Facts] = {}
        for found in listing.found:
            place = places.get(found.name)
            if place is None or known.marks_of(place) != _marks(found):
                continue
            if is_still or not heads.watching[place]:
                row = group.row(place)._replace(run=found.run, link=found.target)
                row = row._replace(sidecar=found.sidecar or row.sidecar)
                rows[found.name] = Facts(row, watched if heads.watching[place] else ())
        return rows

    def remember(self, listing: Listing, facts: Sequence[Facts]) -> None:
        """Keep what was read, but for what may change again without anybody seeing it."""
        if listing.key is None or not self._stores:
            return
        before = self._changed.pop(listing.key, None)
        known = self._known(listing, listing.key, facts)
        if known is not None and known != before:
            self._unsaved += known.total
            for store in self._stores:
                store.put(known)
            if self._unsaved > _TOGETHER:
                self.save()

    def _known(self, listing: Listing, key: str, facts: Sequence[Facts]) -> Known | None:
        settled = [
            _Settled(*pair)
            for pair in zip(listing.found, facts, strict=True)
            if newest_ns(*pair) < self._settled_ns
        ]
        is_whole = len(settled) == len(facts) and folder_changed_ns(listing.mark) < self._settled_ns
        columns = column_texts([one.facts.row for one in settled])
        if columns is None or not (settled or is_whole):
            return None
        return Known(
            key,
            listing.mark if is_whole else b"",
            int(listing.has_hydra),
            _json(listing.folders),
            len(settled),
            _json([name for one in settled for name in _files(one.found)]),
            b"".join(_marks(one.found) for one in settled),
            watched_text(watched for one in settled for watched in one.facts.watched),
            _heads(settled),
            ReadGroup([one.facts.row for one in settled]).standing().text,
            *columns,
        )

    def finish(self) -> None:
        """Note that the walk is at its end."""
        for store in self._stores:
            store.finish()
        self.save()

    def save(self) -> None:
        """Write what is to be kept."""
        self._unsaved = 0
        for store in self._stores:
            store.save()

    def close(self) -> None:
        """Let go of files."""
        for store in self._stores:
            store.close()


def newest_ns(found: Found, facts: Facts) -> int:
    """Return when anything changed last that a row was read from."""
    states = [found.state, found.sidecar_state, *(one.state for one in facts.watched)]
    return max((max(state.mtime_ns, state.ctime_ns) for state in states if state), default=0)


def _marks(found: Found) -> bytes:
    return mark_of(found.state) + mark_of(found.sidecar_state)


def _files(found: Found) -> tuple[str | None, str | None]:
    sidecar = None if found.sidecar is None else os.path.basename(found.sidecar)
    return None if found.state is None else found.name, sidecar


def _heads(settled: Sequence[_Settled]) -> str:
    """Return the text that `heads_in` reads."""
    rows = [one.facts.row for one in settled]
    return _json(
        [
            [one.found.name for one in settled],
            [row.status.value for row in rows],
            [row.problem for row in rows],
            [row.readable for row in rows],
            [_sidecar(one) for one in settled],
            [row.link for row in rows],
            [bool(one.facts.watched) for one in settled],
        ]
    )


def _sidecar(one: _Settled) -> str | None:
    """Return the sidecar relative to its checkpoint's folder."""
    sidecar = one.facts.row.sidecar
    if sidecar is None:
        return None
    folder, name = os.path.split(sidecar)
    return name if folder == one.found.folder else os.path.relpath(sidecar, one.found.folder or ".")


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
