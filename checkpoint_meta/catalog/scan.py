"""All checkpoints below some folders as rows, in the order of the walk."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.row import Record, is_light
from checkpoint_meta.catalog.walk import Found, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.index import Index
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.walk import Listing
    from checkpoint_meta.errors import ReadError
    from checkpoint_meta.paths import Layout

BATCH: Final = 4096
"""Checkpoints that are looked at together: memory does not grow with their number."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read what is found."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> the name that the user's metric is logged by."""

    complete: bool = False
    """Ask the other sources for what a sidecar leaves open."""

    whole: bool = True
    """Every field; else only those that lists show, which takes much less memory."""

    use_index: bool = False
    refresh: bool = False
    """Read everything anew into the index."""

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
    if not chosen.use_index:
        found = (one for listing in listings for one in listing.found)
        while batch := list(islice(found, BATCH)):
            yield from (_shown(facts.row, chosen) for facts in _read(batch, layout, chosen))
        return
    index = open_index(layout, chosen)
    for batch_of_listings in _batches(listings):
        yield from _scan_batch(batch_of_listings, layout, chosen, index)
    index.close()


def open_index(layout: Layout, options: ScanOptions) -> Index:
    """Return the index of rows that are read this way."""
    # Imported here: nobody pays for SQLite who does not use it.
    from checkpoint_meta.catalog.database import Database, index_file
    from checkpoint_meta.catalog.index import Index

    mirror = os.path.abspath(layout.sidecar_dir) if layout.sidecar_dir else None
    base = os.path.abspath(layout.base) if layout.sidecar_dir else None
    settings = [sorted(options.aliases.items()), layout.patterns, mirror, base, options.complete]
    return Index(Database(index_file()), json.dumps(settings), time.time_ns(), whole=options.whole)


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
    listings: list[Listing], layout: Layout, options: ScanOptions, index: Index
) -> Iterator[Row]:
    """Yield the rows of some folders: from the index what did not change, the others read anew."""
    rows: list[Row | Found] = []
    for listing in listings:
        known = index.known(listing.folder)
        index.forget(listing.folder, _gone(listing, known))
        for found in listing.found:
            line = None if options.refresh else known.get(found.name)
            rows.append((index.row(found, line) if line else None) or found)
    unknown = [one for one in rows if isinstance(one, Found)]
    facts = _read(unknown, layout, options) if unknown else iter(())
    for one in rows:
        if isinstance(one, Found):
            read = next(facts)
            index.remember(one, read)
            yield _shown(read.row, options)
        else:
            yield one
    index.save()


def _gone(listing: Listing, known: Mapping[str, object]) -> list[str]:
    """Return the names that the index has, and the folder has no more."""
    gone = known.keys() - {found.name for found in listing.found}
    return [name for name in gone if not os.path.lexists(os.path.join(listing.folder, name))]


def _read(batch: Sequence[Found], layout: Layout, options: ScanOptions) -> Iterator[Facts]:
    """Yield the facts of each, in several processes where that is worth it."""
    # Imported here, since a catalog that is all in the index needs none of its weight.
    from checkpoint_meta.catalog.facts import lost_facts, read_facts
    from checkpoint_meta.workers import CHUNK, default_jobs, map_in_processes

    work = partial(read_facts, layout=layout, aliases=options.aliases, complete=options.complete)
    opened = sum(one.sidecar is None for one in batch)
    jobs = (options.jobs or default_jobs()) if opened > CHUNK else 1
    yield from map_in_processes(work, batch, jobs, partial(lost_facts, layout=layout))


def _shown(row: Row, options: ScanOptions) -> Row:
    """Return the row with the values that are asked for, packed."""
    values = row.values
    if not options.whole:
        values = {field: value for field, value in values.items() if is_light(field)}
    return row._replace(values=Record.of(values))
