"""One process that works on chunks of items, and ends between two items when it is told to.

It has a pipe to its caller and nothing that is shared with other workers: no queue, no lock, no
thread that would have to be waited for. So its death is seen at once, and only its own work is
lost with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Item = TypeVar("Item")
Result = TypeVar("Result")

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


class WorkerDiedError(Exception):
    """The process is gone, and with it what it was at."""


class Worker(Generic[Item, Result]):
    """A process of its own that does `work`; it has one chunk at a time."""

    def __init__(self, work: Callable[[Item], Result]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_serve, args=(theirs, work), daemon=True)
        # Deaf until it knows what to do with a signal.
        with _signals_held():
            self._process.start()
        theirs.close()

    def give(self, chunk: list[Item]) -> None:
        """Hand over a chunk; the worker has none.

        Raises:
            WorkerDiedError: if the process is gone.
        """
        try:
            self.pipe.send(chunk)
        except OSError as error:
            raise WorkerDiedError from error

    def take(self) -> list[Result]:
        """Return the results of the chunk that was given, as soon as they are there.

        Raises:
            WorkerDiedError: if the process is gone.
        """
        try:
            results: list[Result] = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerDiedError from error
        return results

    def tell_to_end(self) -> None:
        """Ask the process to end after the item that it is at."""
        self._process.terminate()

    def end_by(self, deadline: float) -> None:
        """Wait for the end until `deadline`, by the monotonic clock; then make an end of it."""
        self._process.join(max(0.0, deadline - time.monotonic()))
        self._process.kill()
        self._process.join()
        self.pipe.close()


def end_all(workers: Sequence[Worker[Item, Result]], patience: float) -> None:
    """End the processes of `workers`, after so many seconds by force."""
    deadline = time.monotonic() + patience
    for worker in workers:
        worker.tell_to_end()
    for worker in workers:
        worker.end_by(deadline)


def wait_for_any(
    workers: Iterable[Worker[Item, Result]], seconds: float | None = None
) -> list[Worker[Item, Result]]:
    """Return those that are done with their chunk, or dead, as soon as there is one.

    None if there is none after `seconds`.
    """
    by_pipe = {worker.pipe: worker for worker in workers}
    ready = wait([*by_pipe], seconds) if by_pipe else []
    return [worker for pipe, worker in by_pipe.items() if pipe in ready]


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


class _Leaving:
    """How a worker ends: between two items, so that no file is left half-written.

    Not by an exception, which would be raised anywhere: in a destructor, where Python prints it,
    or in the midst of what it sends.
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

    def leave_with(self, parent: BaseProcess) -> None:
        """Leave once the parent is gone: nobody else tells it after a `kill -9`."""
        parent.join()
        self.leave()


def _serve(pipe: Connection, work: Callable[[Item], Result]) -> None:
    """Do chunk after chunk, in the process of a worker."""
    leaving = _Leaving()
    # Ctrl-C reaches every process of the terminal; only the first one answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leaving.leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=leaving.leave_with, args=(parent,), daemon=True).start()
    try:
        while True:
            chunk: list[Item] = pipe.recv()
            pipe.send([leaving.work(work, item) for item in chunk])
    finally:
        # Whatever ends it, the end of the pipe tells the caller; Python would print a traceback.
        os._exit(1)
