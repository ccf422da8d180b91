"""All checkpoints below some folders as rows, in the order of the walk."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.found import Unchanged
from checkpoint_meta.catalog.group import ReadGroup
from checkpoint_meta.catalog.kept import Kept
from checkpoint_meta.catalog.kept_group import KeptGroup
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.parts import parts_of, without_sidecars
from checkpoint_meta.catalog.row import Record
from checkpoint_meta.catalog.stores import open_stores
from checkpoint_meta.catalog.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.parts import Part
    from checkpoint_meta.catalog.row import Facts, Row
    from checkpoint_meta.errors import ReadError
    from checkpoint_meta.paths import Layout

ALONE: Final = 128
"""Sidecars that one process reads before others help; starting these takes about as long."""


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
    try:
        kept.begin(root)
        met = walk.below(root) if chosen.sidecars else without_sidecars(walk.below(root))
        for part, facts in _read(parts_of(met, kept.rows), layout, chosen):
            yield from _groups(part, facts, kept, chosen)
        kept.finish()
    finally:
        kept.close()


def _groups(part: Part, read: Iterable[Facts], kept: Kept, options: ScanOptions) -> Iterator[Group]:
    """Yield the rows of some folders: kept ones where nothing changed, the others read anew."""
    facts = iter(read)
    for one, names in part.folders:
        if isinstance(one, Unchanged):
            yield KeptGroup(one.folder, one.run, one.known)
            continue
        every = [names.get(found.name) or next(facts) for found in one.found]
        kept.remember(one, every)
        if every:
            yield ReadGroup([_shown(fact.row, options) for fact in every])


def _read(
    parts: Iterator[Part], layout: Layout, options: ScanOptions
) -> Iterator[tuple[Part, Iterable[Facts]]]:
    """Yield each part with the facts of what is unknown in it, read as soon as it is asked for."""
    for part in parts:
        if part.unknown:
            yield from _read_from(part, parts, layout, options)
        else:
            yield part, ()


def _read_from(
    first: Part, rest: Iterator[Part], layout: Layout, options: ScanOptions
) -> Iterator[tuple[Part, Iterable[Facts]]]:
    """Yield the same from the first part that has something unknown."""
    # Imported here, since a catalog that is all in the index needs none of its weight.
    from checkpoint_meta.catalog.crossing import Readers, read_elsewhere
    from checkpoint_meta.catalog.facts import read_facts
    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.workers import default_jobs

    reading = Reading.of(layout, options)
    jobs = options.jobs or default_jobs()
    effort = 0
    for part in chain([first], rest):
        effort += part.effort
        if jobs > 1 and effort > ALONE:
            readers = Readers(reading, options.is_kept)
            yield from read_elsewhere(chain([part], rest), readers, jobs)
            return
        yield part, (read_facts(found, reading) for found in part.unknown)


def _shown(row: Row, options: ScanOptions) -> Row:
    """Return the row with the values that are asked for, packed."""
    if isinstance(row.values, Record) and (options.whole or not options.is_kept):
        return row
    return row._replace(values=Record.of(row.values, whole=options.whole))
