"""Some workers with the same work: who has which chunk, and what becomes of it if one dies."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from checkpoint_meta.worker import Worker, WorkerDiedError, end_all, wait_for_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE_SECONDS: Final = 1.0

_AHEAD: Final = 4
"""Chunks for each worker that are made before the first one's results are taken."""


@dataclass(slots=True)
class _Task(Generic[Item, Result]):
    """A chunk on its way."""

    chunk: list[Item]
    results: list[Result] | None = None


class WorkerTeam(Generic[Item, Result]):
    """Up to `jobs` workers; `lost` makes the result of an item that no process survives."""

    def __init__(
        self, work: Callable[[Item], Result], lost: Callable[[Item], Result], jobs: int
    ) -> None:
        self._work = work
        self._lost = lost
        self._jobs = jobs
        self._busy: dict[Worker[Item, Result], _Task[Item, Result]] = {}
        self._idle: list[Worker[Item, Result]] = []
        self._ready: deque[_Task[Item, Result]] = deque()

    def results(self, chunks: Iterator[list[Item]]) -> Iterator[list[Result]]:
        """Yield the results of each chunk, in order; an empty one takes no worker.

        Some chunks are made while all workers are busy, since making them takes its time too.
        """
        waiting: deque[_Task[Item, Result]] = deque()
        is_more = True
        while is_more or waiting:
            if is_more and len(waiting) < _AHEAD * self._jobs:
                chunk = next(chunks, None)
                if chunk is None:
                    is_more = False
                else:
                    waiting.append(_Task(chunk, None if chunk else []))
                    self._ready.extend([waiting[-1]] if chunk else ())
                self._collect(seconds=0)
            elif waiting[0].results is None:
                self._collect()
            self._hand_out()
            while waiting and waiting[0].results is not None:
                yield waiting.popleft().results or []

    def stop(self) -> None:
        """End all workers; what one is just doing is finished if that takes less than a second."""
        workers = [*self._busy, *self._idle]
        self._busy.clear()
        self._idle.clear()
        end_all(workers, _PATIENCE_SECONDS)

    def _hand_out(self) -> None:
        """Give what is ready to workers that have nothing to do."""
        while self._ready and len(self._busy) < self._jobs:
            task = self._ready.popleft()
            worker = self._engage(task)
            try:
                worker.give(task.chunk)
            except WorkerDiedError:
                self._redo(worker)

    def _engage(self, task: _Task[Item, Result]) -> Worker[Item, Result]:
        """Return a worker that has nothing to do but `task`."""
        worker = self._idle.pop() if self._idle else Worker(self._work)
        self._busy[worker] = task
        return worker

    def _collect(self, seconds: float | None = None) -> None:
        """Take what workers have done, after waiting for one if `seconds` do not end it."""
        for worker in wait_for_any(self._busy, seconds):
            try:
                self._busy[worker].results = worker.take()
            except WorkerDiedError:
                self._redo(worker)
            else:
                self._idle.append(worker)
                del self._busy[worker]

    def _redo(self, dead: Worker[Item, Result]) -> None:
        """Do the chunk of a dead worker once more, item by item.

        So it is known which item a process cannot survive, and the others are not lost with it.
        """
        task = self._given_up(dead)
        task.results = [self._do_alone(item) for item in task.chunk]

    def _do_alone(self, item: Item) -> Result:
        task: _Task[Item, Result] = _Task([item])
        worker = self._engage(task)
        try:
            worker.give(task.chunk)
            (result,) = worker.take()
        except WorkerDiedError:
            self._given_up(worker)
            return self._lost(item)
        self._idle.append(worker)
        del self._busy[worker]
        return result

    def _given_up(self, dead: Worker[Item, Result]) -> _Task[Item, Result]:
        """Take its task from a dead worker."""
        end_all([dead], 0)
        return self._busy.pop(dead)
