"""What another process finds out while this one has other work."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from checkpoint_meta.workers import default_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Verdicts:
    """The bytes that `find` yields, in another process that is ahead of this one.

    Looking at a file takes two thirds of its time in the kernel, and the rest holds the lock that
    threads share; a process has its own. It gets what it needs by being a copy of this one.
    """

    def __init__(self, find: Callable[[], Iterable[bytes]]) -> None:
        self._process = 0
        try:
            answers, there = os.pipe()
        except OSError:
            # No more files may be open: nothing is found out ahead.
            return
        try:
            self._process = os.fork()
        except OSError:
            # No more processes are allowed.
            os.close(answers)
            os.close(there)
            return
        if self._process:
            os.close(there)
            self._stream = open(answers, "rb")  # noqa: SIM115 - closed by `close`
            return
        # Whatever happens, nothing of what this process had open is flushed or closed twice.
        try:
            os.close(answers)
            with open(there, "wb", buffering=0) as stream:
                stream.writelines(find())
        finally:
            os._exit(0)

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer where the other process is done, or has died."""
        return self._stream.read(count) if self._process else b""

    def close(self) -> None:
        """Let go of the other process, whether it is done or not."""
        process, self._process = self._process, 0
        if process:
            self._stream.close()
            # Where nobody wants to hear of processes that end (`trap '' CHLD`), it may be gone.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def can_fork() -> bool:
    """Tell whether there may be another process, and a processor for it."""
    return sys.platform == "linux" and threading.active_count() == 1 and default_jobs() > 1
