"""Bars on stderr where that is a terminal; what goes to stdout is the same."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints

if TYPE_CHECKING:
    from pathlib import Path


def _on_a_terminal(folder: Path, *arguments: str) -> tuple[str, str]:
    """Return stdout, and what a terminal on stderr was sent."""
    master, slave = pty.openpty()
    # Wide enough for every column of the bar.
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "160"}
    with subprocess.Popen(
        [sys.executable, "-m", "checkpoint_meta", *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    ) as process:
        os.close(slave)
        shown = b""
        while chunk := _read(master):
            shown += chunk
        printed = process.communicate()[0]
    os.close(master)
    return printed, shown.decode()


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        # Linux says so where the other side is closed.
        return b""


@pytest.mark.parametrize(
    ("arguments", "bar"),
    [
        (("convert", "outputs"), "3/3"),
        (("validate", "outputs"), "3/3"),
        (("validate", "outputs", "--deep"), "reading"),
    ],
    ids=["convert", "validate", "deep"],
)
def test_a_terminal_sees_how_far_it_is(outputs: Path, arguments: tuple[str, ...], bar: str) -> None:
    """The bar counts checkpoints, or bytes where every byte is read, and goes away at the end."""
    if arguments[0] == "validate":
        list(convert(iter_checkpoints(outputs)))

    printed, shown = _on_a_terminal(outputs.parent, *arguments)

    assert bar in shown
    assert "\x1b[2K" in shown
    assert "\x1b" not in printed


@pytest.mark.parametrize("arguments", [("convert", "outputs"), ("validate", "outputs", "--deep")])
def test_quiet_shows_no_bar(outputs: Path, arguments: tuple[str, ...]) -> None:
    """`--quiet` says nothing but what is wrong, also to a terminal."""
    list(convert(iter_checkpoints(outputs)))

    _, shown = _on_a_terminal(outputs.parent, *arguments, "--quiet")

    assert "\x1b[2K" not in shown
