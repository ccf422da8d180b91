"""The same work on many items in several processes, results in order as they come."""

from __future__ import annotations

import os
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK: Final = 64
"""Items that go to a process at once: what crosses between processes costs more than the call."""

DIED: Final = "the process that read it died"
"""Why an item is lost."""


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_processes(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order; memory does not grow with the number of items.

    Where a process dies of an item, which the kernel sees to when memory runs out, or an exception
    that `work` lets out, `lost(item)` is yielded in place of its result, and the rest goes on.

    No more than `CHUNK` items are done in this process, since starting another takes longer.
    Whatever stops the caller stops the processes too: what they had begun is not waited for.
    """
    remaining = iter(items)
    first = list(islice(remaining, CHUNK + 1)) if jobs > 1 else []
    if len(first) <= CHUNK:
        yield from map(work, chain(first, remaining))
        return
    for results in map_chunks(work, _chunks(chain(first, remaining)), jobs, lost):
        yield from results


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while chunk := list(islice(items, CHUNK)):
        yield chunk


def map_chunks(
    work: Callable[[Item], Result],
    chunks: Iterable[list[Item]],
    jobs: int,
    lost: Callable[[Item], Result],
) -> Iterator[list[Result]]:
    """Yield the results of each chunk of items, in order, all of them from other processes.

    Chunks are made ahead, while the processes are busy. An empty one has no results, and starts no
    process.
    """
    # Imported here: most commands need no processes.
    from checkpoint_meta.worker_team import WorkerTeam

    team = WorkerTeam(work, lost, jobs)
    _at_work.add(team)
    try:
        yield from team.results(iter(chunks))
    finally:
        _stop(team)


class _Team(Protocol):
    def stop(self) -> None: ...


def stop_all() -> None:
    """Stop what is still at work for callers that are gone, and have not said so yet."""
    for team in tuple(_at_work):
        _stop(team)


def _stop(team: _Team) -> None:
    _at_work.discard(team)
    team.stop()


_at_work: Final[set[_Team]] = set()
