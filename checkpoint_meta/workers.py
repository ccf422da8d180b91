"""The same work on many items in several processes, results in order as they come."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK: Final = 64
"""Items that go to a process at once: what crosses between processes costs more than the call."""


_WATCH_SECONDS: Final = 0.2


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_processes(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order; memory does not grow with the number of items.

    Up to `CHUNK` items are done in this process, since starting another takes longer. Whatever
    stops the caller stops the processes too: what they had begun is not waited for.
    """
    remaining = iter(items)
    if jobs <= 1:
        yield from map(work, remaining)
        return
    first = list(islice(remaining, CHUNK + 1))
    yield from map(work, first[:CHUNK])
    if len(first) > CHUNK:
        yield from _in_pool(work, _chain(first[CHUNK:], remaining), jobs)


def _chain(head: list[Item], tail: Iterable[Item]) -> Iterator[Item]:
    yield from head
    yield from tail


def _in_pool(work: Callable[[Item], Result], items: Iterator[Item], jobs: int) -> Iterator[Result]:
    pool = ProcessPoolExecutor(jobs, initializer=_begin_worker, initargs=(os.getpid(),))
    waiting: deque[Future[list[Result]]] = deque()
    try:
        while True:
            while len(waiting) < 2 * jobs and (chunk := list(islice(items, CHUNK))):
                waiting.append(pool.submit(_work_on, work, chunk))
            if not waiting:
                break
            yield from waiting.popleft().result()
        pool.shutdown()
    except BaseException:
        _stop(pool)
        raise


def _work_on(work: Callable[[Item], Result], chunk: list[Item]) -> list[Result]:
    return [work(item) for item in chunk]


def _begin_worker(parent: int) -> None:
    # Ctrl-C reaches every process of the terminal; only the first one answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: nobody else tells it after a `kill -9`."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())  # noqa: SLF001 - no public way to end them
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
