"""The same work on many items in several processes, results in order as they come."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ProcessPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")

_Waiting: TypeAlias = "deque[tuple[list[Item], Future[list[Result]] | None]]"

CHUNK: Final = 64
"""Items that go to a process at once: what crosses between processes costs more than the call."""


DIED: Final = "the process that read it died"
"""Why an item is lost."""

_WATCH_SECONDS: Final = 0.2

_PATIENCE_SECONDS: Final = 1.0

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


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

    Where a process dies of an item, which the kernel sees to when memory runs out, `lost(item)` is
    yielded in place of its result, and the rest goes on.

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
        yield from _in_pool(work, _chain(first[CHUNK:], remaining), jobs, lost)


def _chain(head: list[Item], tail: Iterable[Item]) -> Iterator[Item]:
    yield from head
    yield from tail


def _in_pool(
    work: Callable[[Item], Result],
    items: Iterator[Item],
    jobs: int,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    from concurrent.futures.process import BrokenProcessPool

    waiting: _Waiting[Item, Result] = deque()
    while True:
        try:
            yield from _until_broken(work, items, jobs, waiting)
        except BrokenProcessPool:
            # One process is gone, and with it the work of all: nobody knows which item it was.
            while waiting:
                yield from _recovered(work, *waiting.popleft(), lost)
        else:
            return


def _until_broken(
    work: Callable[[Item], Result],
    items: Iterator[Item],
    jobs: int,
    waiting: _Waiting[Item, Result],
) -> Iterator[Result]:
    """Yield results in order; what is in `waiting` has been taken from `items`, but not yielded.

    Raises:
        BrokenProcessPool: if a process died.
    """
    pool = _open_pool(jobs)
    try:
        while True:
            while len(waiting) < 2 * jobs and (chunk := list(islice(items, CHUNK))):
                waiting.append((chunk, None))
                waiting[-1] = chunk, _submit(pool, partial(_work_on, work, chunk))
            if not waiting:
                break
            _, future = waiting[0]
            results = future.result() if future else []
            waiting.popleft()
            yield from results
        pool.shutdown()
        _open.discard(pool)
    finally:
        _stop(pool)


def _recovered(
    work: Callable[[Item], Result],
    chunk: list[Item],
    future: Future[list[Result]] | None,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    """Yield the results of a chunk after a process died: its own, or each item's by itself.

    So it is known which one a process cannot survive, and the others are not lost with it.
    """
    from concurrent.futures.process import BrokenProcessPool

    if future and future.done() and future.exception() is None:
        yield from future.result()
        return
    pool = _open_pool(1)
    try:
        for item in chunk:
            try:
                yield from _submit(pool, partial(_work_on, work, [item])).result()
            except BrokenProcessPool:
                yield lost(item)
                _stop(pool)
                pool = _open_pool(1)
    finally:
        _stop(pool)


def stop_all() -> None:
    """Stop what is still at work for callers that are gone, and have not said so yet."""
    for pool in tuple(_open):
        _stop(pool)


_open: Final[set[ProcessPoolExecutor]] = set()


def _open_pool(jobs: int) -> ProcessPoolExecutor:
    # Imported here: most commands need no processes.
    from concurrent.futures import ProcessPoolExecutor

    pool = ProcessPoolExecutor(jobs, initializer=_begin_worker, initargs=(os.getpid(),))
    _open.add(pool)
    return pool


def _submit(pool: ProcessPoolExecutor, call: Callable[[], Result]) -> Future[Result]:
    """Hand a call to the pool; a process that this starts is deaf until it knows what to do."""
    with _signals_held():
        return pool.submit(call)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the processes; what one is just doing is finished if that takes no longer than a second.

    Nothing happens to a pool that has been stopped, or has no more to do.
    """
    if pool not in _open:
        return
    _open.discard(pool)
    processes = list((pool._processes or {}).values())  # noqa: SLF001 - no public way to end them
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        process.kill()


class _Leaving:
    """How a worker ends: between two items, so that no file is left half-written.

    Not by an exception, which would be raised anywhere: in a destructor, where Python prints it,
    or in the pool's own code, which takes it for the result of the item.
    """

    def __init__(self) -> None:
        self._is_wanted = False
        self._at_work = threading.Lock()

    def work(self, work: Callable[[Item], Result], item: Item) -> Result:
        """Return `work(item)`; leave after it if that was wanted meanwhile."""
        with self._at_work:
            result = work(item)
        if self._is_wanted:
            os._exit(1)
        return result

    def leave(self, *_: object) -> None:
        """Leave at once if there is nothing at work, else after it; a handler of signals."""
        self._is_wanted = True
        if self._at_work.acquire(blocking=False):
            os._exit(1)

    def leave_with(self, parent: int) -> None:
        """Leave once the parent is gone: nobody else tells it after a `kill -9`."""
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        self.leave()


_leaving: Final = _Leaving()


def _begin_worker(parent: int) -> None:
    # Ctrl-C reaches every process of the terminal; only the first one answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leaving.leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    threading.Thread(target=_leaving.leave_with, args=(parent,), daemon=True).start()


def _work_on(work: Callable[[Item], Result], chunk: list[Item]) -> list[Result]:
    return [_leaving.work(work, item) for item in chunk]
