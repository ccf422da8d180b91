"""All checkpoints below some folders as rows, in the order of the walk."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from checkpoint_meta.catalog.row import Record, is_light
from checkpoint_meta.catalog.walk import Found, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.memory import Memory
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.walk import Listing
    from checkpoint_meta.errors import ReadError
    from checkpoint_meta.paths import Layout
    from checkpoint_meta.sources.interface import Source

BATCH: Final = 2048
"""Checkpoints that are looked at together: memory does not grow with their number."""

MANY: Final = 1000
"""Sidecars from which on several processes read them."""


class Store(Protocol):
    """Where rows are kept that were read before."""

    def expect(self, listings: Sequence[Listing]) -> None:
        """Get ready for questions about these folders."""
        ...

    def rows(self, listing: Listing) -> dict[str, Row]:
        """Return the rows of a folder's checkpoints that did not change, by name."""
        ...

    def remember(self, found: Found, facts: Facts) -> None:
        """Keep what was read."""
        ...

    def save(self) -> None:
        """Write what is to be kept."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read what is found."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> the name that the user's metric is logged by."""

    complete: bool = False
    """Ask the other sources for what a sidecar leaves open."""

    whole: bool = True
    """Every field; else only those that lists show, which takes much less memory."""

    sidecars: bool = True
    """Believe sidecars; else facts come from the checkpoints themselves."""

    allows_wandb: bool = False
    """Ask W&B's servers too."""

    use_index: bool = False
    refresh: bool = False
    """Read everything anew into the index."""

    memory: Memory | None = None
    """Rows that this process has read before."""

    jobs: int | None = None
    """Processes; by default the number of processors."""


def scan(
    root: Path,
    layout: Layout,
    options: ScanOptions | None = None,
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[Row]:
    """Yield a row for each checkpoint at or below `root`, and for each sidecar without one.

    Raises:
        ReadError: if `root` does not exist.
    """
    chosen = options or ScanOptions()
    listings = Walk(layout, on_error or (lambda _: None)).below(root)
    stores = _open_stores(layout, chosen)
    read = partial(_read, layout=layout, options=chosen)
    if not chosen.sidecars:
        listings = map(_without_sidecars, listings)
    try:
        for batch in _batches(listings):
            for row in _scan_batch(batch, stores, read, refresh=chosen.refresh):
                yield _shown(row, whole=chosen.whole)
    finally:
        for store in stores:
            store.close()


def _without_sidecars(listing: Listing) -> Listing:
    checkpoints = [
        found._replace(sidecar=None, sidecar_state=None)
        for found in listing.found
        if not found.is_orphan
    ]
    return listing._replace(found=checkpoints)


def _open_stores(layout: Layout, options: ScanOptions) -> list[Store]:
    """Return the stores in the order in which they are asked."""
    mirror = os.path.abspath(layout.sidecar_dir) if layout.sidecar_dir else None
    base = os.path.abspath(layout.base) if layout.sidecar_dir else None
    aliases = sorted(options.aliases.items())
    settings = json.dumps(
        [aliases, layout.patterns, mirror, base, options.complete, options.sidecars]
    )
    stores: list[Store] = []
    if options.allows_wandb:
        # No file tells when a server says something else; its answers have a cache of their own.
        return stores
    if options.memory is not None:
        from checkpoint_meta.catalog.memory import MemoryStore

        stores.append(MemoryStore(options.memory, settings, time.time_ns()))
    if options.use_index:
        # Imported here: nobody pays for SQLite who does not use it.
        from checkpoint_meta.catalog.database import Database, index_file
        from checkpoint_meta.catalog.index import Index

        database = Database(index_file())
        stores.append(Index(database, settings, time.time_ns(), whole=options.whole))
    return stores


def _batches(listings: Iterator[Listing]) -> Iterator[list[Listing]]:
    batch: list[Listing] = []
    size = 0
    for listing in listings:
        batch.append(listing)
        size += len(listing.found)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _scan_batch(
    listings: Sequence[Listing],
    stores: Sequence[Store],
    read: Callable[[Sequence[Found]], Iterator[Facts]],
    *,
    refresh: bool,
) -> Iterator[Row]:
    """Yield the rows of some folders: kept ones where nothing changed, the others read anew."""
    rows: list[Row | Found] = []
    for store in stores:
        store.expect(listings)
    for listing in listings:
        kept: dict[str, Row] = {}
        for store in reversed(stores):
            kept |= {} if refresh else store.rows(listing)
        rows += [kept.get(found.name, found) for found in listing.found]
    unknown = [one for one in rows if isinstance(one, Found)]
    facts = read(unknown) if unknown else iter(())
    for one in rows:
        if isinstance(one, Found):
            found, one_facts = one, next(facts)
            for store in stores:
                store.remember(found, one_facts)
            yield one_facts.row
        else:
            yield one
    for store in stores:
        store.save()


def _read(batch: Sequence[Found], *, layout: Layout, options: ScanOptions) -> Iterator[Facts]:
    """Yield the facts of each, in several processes where that is worth it."""
    # Imported here, since a catalog that is all in the index needs none of its weight.
    from checkpoint_meta.catalog.facts import Reading, lost_facts, read_facts
    from checkpoint_meta.workers import CHUNK, default_jobs, map_in_processes

    is_kept = (options.use_index or options.memory is not None) and not options.allows_wandb
    reading = Reading(
        layout,
        _sources(options),
        complete=options.complete,
        sidecars=options.sidecars,
        whole=options.whole or is_kept,
    )
    read = partial(read_facts, reading=reading)
    # What crosses between processes is kept small, unless somebody needs the whole.
    work = read if is_kept else partial(_read_shown, read=read, whole=options.whole)
    opened = sum(found.sidecar is None for found in batch)
    is_worth_it = opened > CHUNK or len(batch) > MANY
    jobs = (options.jobs or default_jobs()) if is_worth_it else 1
    yield from map_in_processes(work, batch, jobs, partial(lost_facts, reading=reading))


def _read_shown(found: Found, *, read: Callable[[Found], Facts], whole: bool) -> Facts:
    facts = read(found)
    return facts._replace(row=_shown(facts.row, whole=whole), watched=())


def _sources(options: ScanOptions) -> list[Source]:
    from checkpoint_meta.sources.default import default_sources
    from checkpoint_meta.sources.sidecar import SidecarSource

    sources = default_sources(options.aliases)
    if options.allows_wandb:
        from checkpoint_meta.sources.wandb_api import WandbApiSource

        sources.append(WandbApiSource(options.aliases))
    if options.sidecars:
        return sources
    return [source for source in sources if source.name != SidecarSource.name]


def _shown(row: Row, *, whole: bool) -> Row:
    """Return the row with the values that are asked for, packed."""
    values = row.values
    if isinstance(values, Record):
        return row
    if not whole:
        values = {field: value for field, value in values.items() if is_light(field)}
    return row._replace(values=Record.of(values))
