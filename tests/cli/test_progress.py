"""The bar on a terminal, and the data elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.commands import CKPT_META, ckpt_meta, seen_on

if TYPE_CHECKING:
    from pathlib import Path


def _run_on_terminal(folder: Path, *arguments: str) -> tuple[str, str]:
    """Return what a command writes to a pipe, and to the terminal that its stderr is."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*CKPT_META, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = seen_on(ours)
    data, _ = process.communicate(timeout=60)
    return data, shown


@pytest.mark.parametrize(
    "command",
    [
        ["convert", "--dry-run"],
        ["convert", "--dry-run", "--format", "jsonl"],
        ["validate"],
        ["validate", "--format", "jsonl"],
        ["validate", "--deep"],
    ],
    ids=" ".join,
)
def test_data_goes_to_its_file_while_the_terminal_has_a_bar(
    outputs: Path, command: list[str]
) -> None:
    """`convert outputs > report.txt` in a terminal fills the file, and draws beside it."""
    plain = ckpt_meta(outputs.parent, *command, "outputs")

    data, shown = _run_on_terminal(outputs.parent, *command, "outputs")

    assert data == plain.stdout != ""
    assert data.splitlines()[0] not in shown


def test_the_bar_tells_count_rate_and_remaining_time(outputs: Path) -> None:
    """How many of how many, how fast, and how long it will take."""
    data, shown = _run_on_terminal(outputs.parent, "convert", "outputs")

    assert data.count("created") == 3
    assert "converting" in shown
    assert "0/3" in shown
    assert "-:--:--" in shown
    assert "3 created in " in shown


def test_quiet_draws_nothing(outputs: Path) -> None:
    """With `-q` the terminal stays empty."""
    data, shown = _run_on_terminal(outputs.parent, "convert", "outputs", "-q")

    assert data.count("created") == 3
    assert shown == ""
