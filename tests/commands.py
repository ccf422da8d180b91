"""The commands as users start them: in a process of its own, on pipes or on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

CKPT_META: Final = (sys.executable, "-m", "checkpoint_meta")


class Shown(NamedTuple):
    """What a command printed."""

    stdout: str
    stderr: str


RunHere = Callable[..., Shown]
"""Runs a command in this process, and expects its exit code."""


def ckpt_meta(
    folder: Path, *arguments: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, its outputs on pipes."""
    return subprocess.run(
        [*CKPT_META, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def on_terminal(folder: Path, columns: int, *arguments: str, code: int = 0) -> str:
    """Return what a terminal of so many columns gets to see."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    process = subprocess.Popen(
        [*CKPT_META, *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    seen = seen_on(ours)
    assert process.wait() == code, seen
    return seen


def seen_on(terminal: int) -> str:
    """Return all that is written to a terminal until its other end is closed, and close ours."""
    seen = b""
    while chunk := _chunk(terminal):
        seen += chunk
    os.close(terminal)
    return seen.decode().replace("\r\n", "\n")


def _chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # A terminal whose other end is closed has no end of file.
        return b""
