"""Conversions that are killed, run twice at once, or lose a file on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import Status, convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 250


@pytest.fixture
def many(outputs: Path) -> Path:
    """Return a folder of a few hundred checkpoints."""
    folder = next(outputs.rglob("checkpoints"))
    template = next(folder.glob("*.ckpt"))
    for number in range(COUNT - 3):
        shutil.copy(template, folder / f"copy{number}.ckpt")
    return outputs


def _await(outputs: Path, written: int) -> None:
    deadline = time.monotonic() + 20
    while len(list(outputs.rglob("*.metadata.yaml"))) < written and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.parametrize("written", [70, 90, 120, 150, 180])
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "kill"])
def test_ctrl_c_lets_the_processes_finish_what_they_write(
    many: Path, written: int, whole_group: bool
) -> None:
    """130 at once, no half-written file and no word of Python's, whoever gets the signal."""
    process = _start(many.parent)
    _await(many, written)
    started = time.monotonic()

    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)

    assert process.returncode == 130
    assert time.monotonic() - started < 2
    assert errors == ""
    assert not list(many.rglob("*.partial"))
    assert _all_whole(many) < COUNT


def test_a_process_that_is_killed_stops_nobody(many: Path) -> None:
    """After `kill -9` of one process the others and a new one do its work."""
    process = _start(many.parent)
    _await(many, 80)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    )

    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 0
    assert len(output.splitlines()) == COUNT
    assert "Traceback" not in errors
    assert _all_whole(many) == COUNT


def _start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "checkpoint_meta", "convert", "outputs", "--jobs", "2"]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _all_whole(outputs: Path) -> int:
    sidecars = list(outputs.rglob("*.metadata.yaml"))
    for path in sidecars:
        assert check_document(read_sidecar(path)) == []
    return len(sidecars)


@pytest.mark.parametrize("written", [1, 60, 150])
def test_a_killed_run_is_finished_by_running_it_again(many: Path, written: int) -> None:
    """After `kill -9` at any moment each sidecar is whole or absent, and the rest can be done."""
    process = _start(many.parent)
    _await(many, written)
    process.kill()
    process.communicate()

    assert written <= _all_whole(many) <= COUNT
    again = _start(many.parent)
    output, _ = again.communicate(timeout=60)

    assert again.returncode == 0
    assert "failed" not in output
    assert _all_whole(many) == COUNT


def test_two_conversions_at_once_leave_whole_files(many: Path) -> None:
    """Whoever writes last wins; nobody ever sees half a sidecar."""
    first, second = _start(many.parent), _start(many.parent)
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]

    assert [process.returncode for process in (first, second)] == [0, 0]
    assert all("failed" not in output for output in outputs)
    assert _all_whole(many) == COUNT
    assert not list(many.rglob("*.partial"))


def test_a_checkpoint_that_disappears_fails_alone(outputs: Path) -> None:
    """Training may prune a checkpoint between the search and the reading."""
    checkpoints = list(iter_checkpoints(outputs))
    checkpoints[1].path.unlink()

    outcomes = list(convert(checkpoints))

    assert [outcome.status for outcome in outcomes] == [
        Status.CREATED,
        Status.FAILED,
        Status.CREATED,
    ]
    assert "No such file" in (outcomes[1].reason or "")
