from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.workers import CHUNK, map_chunks, map_in_processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _double(item: int) -> int:
    return 2 * item


def _die_at(item: int, *, fatal: frozenset[int]) -> int:
    if item in fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


class _DieOnce:
    """Dies of an item the first time, as of a signal from outside."""

    def __init__(self, mark: Path, item: int) -> None:
        self.mark = mark
        self.item = item

    def __call__(self, item: int) -> int:
        if item == self.item and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * item


def _minus(item: int) -> int:
    return -item


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs: int) -> None:
    """Whichever process is faster."""
    assert list(map_in_processes(_double, range(500), jobs, _minus)) == [*range(0, 1000, 2)]


@pytest.mark.parametrize(
    "fatal", [{CHUNK}, {CHUNK + 3, CHUNK + 4}, {499}, {100, 250, 400}], ids=str
)
def test_an_item_that_kills_its_process_is_lost_alone(fatal: set[int]) -> None:
    """Its neighbours are done by another process, and the order stays."""
    from functools import partial

    work = partial(_die_at, fatal=frozenset(fatal))

    results = list(map_in_processes(work, range(500), 2, _minus))

    assert results == [-item if item in fatal else 2 * item for item in range(500)]


def test_a_process_that_is_killed_from_outside_loses_nothing(tmp_path: Path) -> None:
    """What it was at is done again."""
    work = _DieOnce(tmp_path / "died", 200)

    assert list(map_in_processes(work, range(500), 2, _minus)) == [*range(0, 1000, 2)]
    assert work.mark.exists()


def test_chunks_are_made_ahead_and_empty_ones_cost_nothing() -> None:
    """The results of each chunk come in order, as soon as they are there."""
    made: list[int] = []

    def chunks() -> Iterator[list[int]]:
        for number in range(40):
            made.append(number)
            yield [number, number + 1] if number % 2 else []

    results = map_chunks(_double, chunks(), 2, _minus)
    first = next(results)

    assert first == []
    assert len(made) < 10
    assert [first, *results] == [
        [2 * number, 2 * number + 2] if number % 2 else [] for number in range(40)
    ]


def test_empty_chunks_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that did not change needs none."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))

    assert list(map_chunks(_double, [[], [], []], 2, _minus)) == [[], [], []]


LARGE = """
import os, signal, sys, time
from checkpoint_meta.workers import map_in_processes, stop_all

def work(item):
    if int(item[:4]) == 500:
        os.kill(os.getppid(), signal.SIGINT)
    time.sleep(0.002)
    return len(item)

items = (f"{number:04d}" + "x" * 20_000 for number in range(1, 9_999))
try:
    for _ in map_in_processes(work, items, 2, len):
        pass
except KeyboardInterrupt:
    stop_all()
    sys.exit(130)
"""


def test_a_caller_that_stops_is_not_kept_by_what_it_had_handed_out(tmp_path: Path) -> None:
    """Not even where the items handed out are more than a pipe holds."""
    script = tmp_path / "large.py"
    script.write_text(LARGE, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=20, check=False
    )

    assert (done.returncode, done.stderr) == (130, "")


METHODS = """
import multiprocessing, sys
from operator import neg
from checkpoint_meta.workers import map_in_processes

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    print(list(map_in_processes(neg, range(300), 2, abs)) == [-item for item in range(300)])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_may_be_started_in_any_way(tmp_path: Path, method: str) -> None:
    """Systems differ in which way is theirs, and Pythons too."""
    script = tmp_path / "methods.py"
    script.write_text(METHODS, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script), method],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("True\n", "")


ABANDONED = """
import os, sys, time
from checkpoint_meta.workers import map_in_processes

def work(item):
    if item == 200:
        os.write(1, b"at work\\n")
    if item > 200:
        time.sleep(0.05)
    return item

for _ in map_in_processes(work, range(100_000), 2, abs):
    pass
"""


def test_no_worker_outlives_a_caller_that_is_killed(tmp_path: Path) -> None:
    """Not even after a `kill -9`, which tells nobody anything."""
    script = tmp_path / "abandoned.py"
    script.write_text(ABANDONED, encoding="utf-8")
    caller = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    caller.stdout.readline()

    caller.kill()
    # Each worker holds the other end of this pipe too: it ends when the last of them is gone.
    rest, _ = caller.communicate(timeout=10)

    assert rest == ""


def _raise_at_200(item: int) -> int:
    if item == 200:
        raise ValueError(item)
    return 2 * item


def test_an_item_whose_work_raises_is_lost_without_a_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What the work lets out ends its process, and nobody has to read how."""
    results = list(map_in_processes(_raise_at_200, range(300), 2, _minus))

    assert results == [-item if item == 200 else 2 * item for item in range(300)]
    assert capfd.readouterr().err == ""
