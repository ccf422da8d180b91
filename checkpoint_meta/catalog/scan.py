"""All checkpoints below some folders as rows, in the order of the walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.walk import Walk
from checkpoint_meta.workers import CHUNK, default_jobs, map_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from checkpoint_meta.catalog.facts import Facts
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.catalog.walk import Found
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
    found = (
        one
        for listing in Walk(layout, on_error or (lambda _: None)).below(root)
        for one in listing.found
    )
    while batch := list(islice(found, BATCH)):
        for facts in _read_all(batch, layout, chosen):
            yield facts.row


def _read_all(batch: Iterable[Found], layout: Layout, options: ScanOptions) -> Iterator[Facts]:
    """Yield the facts of each, in several processes where that is worth it."""
    # Imported here, since a catalog that is all in the index needs none of its weight.
    from checkpoint_meta.catalog.facts import read_facts

    work = partial(read_facts, layout=layout, aliases=options.aliases, complete=options.complete)
    found = list(batch)
    opened = sum(one.sidecar is None for one in found)
    jobs = (options.jobs or default_jobs()) if opened > CHUNK else 1
    yield from map_in_processes(work, found, jobs)
