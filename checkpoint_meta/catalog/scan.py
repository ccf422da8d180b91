"""All checkpoints below some folders as rows, in the order of the walk."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.found import Listing, Unchanged
from checkpoint_meta.catalog.group import KeptGroup, ReadGroup
from checkpoint_meta.catalog.kept import Kept
from checkpoint_meta.catalog.row import Record
from checkpoint_meta.catalog.stores import open_stores
from checkpoint_meta.catalog.walk import Walk
from checkpoint_meta.resolve import PRECEDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.found import Found
    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.memory import Memory
    from checkpoint_meta.catalog.row import Facts, Row
    from checkpoint_meta.errors import ReadError
    from checkpoint_meta.paths import Layout
    from checkpoint_meta.sources.interface import Source

BATCH: Final = 2048
"""Checkpoints that are looked at together: memory does not grow with their number."""

MANY: Final = 1000
"""Sidecars from which on several processes read them."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read what is found."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> the name that the user's metric is logged by."""

    precedence: Sequence[str] = PRECEDENCE
    """The sources, the most trusted first."""

    signatures: Path | None = None
    """Rules of the user's own that tell a model's parts."""

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
    for group in scan_groups(root, layout, options, on_error):
        yield from group


def scan_groups(
    root: Path,
    layout: Layout,
    options: ScanOptions | None = None,
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[Group]:
    """Yield the same rows, those of each folder together.

    Raises:
        ReadError: if `root` does not exist.
    """
    chosen = options or ScanOptions()
    kept = Kept(open_stores(layout, chosen), time.time_ns(), refresh=chosen.refresh)
    walk = Walk(layout, on_error or (lambda _: None), kept.recall)
    read = partial(_read, layout=layout, options=chosen)
    try:
        kept.begin(root)
        for batch in _batches(walk.below(root), sidecars=chosen.sidecars):
            yield from _groups(batch, kept, read, whole=chosen.whole)
        kept.finish()
    finally:
        kept.close()


def _batches(
    listings: Iterable[Listing | Unchanged], *, sidecars: bool
) -> Iterator[list[Listing | Unchanged]]:
    batch: list[Listing | Unchanged] = []
    size = 0
    for listing in listings:
        batch.append(listing)
        if isinstance(listing, Listing):
            batch[-1] = listing if sidecars else _without_sidecars(listing)
            size += len(listing.found)
        if size >= BATCH or len(batch) >= BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _without_sidecars(listing: Listing) -> Listing:
    checkpoints = [
        found._replace(sidecar=None, sidecar_state=None)
        for found in listing.found
        if not found.is_orphan
    ]
    return listing._replace(found=checkpoints)


def _groups(
    batch: Sequence[Listing | Unchanged],
    kept: Kept,
    read: Callable[[Sequence[Found]], Iterator[Facts]],
    *,
    whole: bool,
) -> Iterator[Group]:
    """Yield the rows of some folders: kept ones where nothing changed, the others read anew."""
    rows = [kept.rows(one) if isinstance(one, Listing) else {} for one in batch]
    unknown = [
        found
        for one, names in zip(batch, rows, strict=True)
        if isinstance(one, Listing)
        for found in one.found
        if found.name not in names
    ]
    facts = read(unknown) if unknown else iter(())
    for one, names in zip(batch, rows, strict=True):
        if isinstance(one, Unchanged):
            yield KeptGroup(one.folder, one.run, one.known)
            continue
        every = [names.get(found.name) or next(facts) for found in one.found]
        kept.remember(one, every)
        if every:
            yield ReadGroup([_shown(fact.row, whole=whole) for fact in every])
    kept.save()


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
        precedence=options.precedence,
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

    sources = default_sources(options.aliases, signatures=options.signatures)
    if options.allows_wandb:
        from checkpoint_meta.sources.wandb_api import WandbApiSource

        sources.append(WandbApiSource(options.aliases))
    if options.sidecars:
        return sources
    return [source for source in sources if source.name != SidecarSource.name]


def _shown(row: Row, *, whole: bool) -> Row:
    """Return the row with the values that are asked for, packed."""
    if isinstance(row.values, Record):
        return row
    return row._replace(values=Record.of(row.values, whole=whole))
