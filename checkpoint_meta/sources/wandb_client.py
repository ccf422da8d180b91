"""The guard around W&B's client: whatever the network does, an answer or one sentence, and soon."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import CheckpointMetaError, MissingExtraError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from checkpoint_meta.evidence import JSONValue

PREFIX: Final = "W&B API"

_MODULE: Final = "checkpoint_meta.sources.wandb_child"
_LONGEST_REASON: Final = 200


class WandbUnavailableError(CheckpointMetaError):
    """W&B could not be asked; in this process it is not asked again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{PREFIX}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds."""

    request: int = 5
    """For the server, before the client tries again."""

    retries: int = 1
    answer: float = 20.0
    """For an answer in all, however long a server asks to be left alone; then the client ends."""


class WandbClient:
    """W&B's client in a process of its own, which is started by the first question.

    After the first failure every question is answered at once, with the same sentence.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._failure: CheckpointMetaError | None = None
        self._forget()

    def _forget(self) -> None:
        self._owner = os.getpid()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._folder = Path()

    def check(self) -> None:
        """Say at once what is known to be in the way, without starting anything.

        Raises:
            MissingExtraError: if wandb is not installed.
            WandbUnavailableError: if a question failed before, or the user works offline.
        """
        self._failure = self._failure or _obstacle()
        if self._failure is not None:
            raise self._failure

    def ask(self, request: Mapping[str, str | Sequence[str]]) -> JSONValue:
        """Return the answer to one request.

        Raises:
            MissingExtraError: if wandb is not installed.
            WandbUnavailableError: if there is no answer in time, for whatever reason.
        """
        self.check()
        if self._owner != os.getpid():
            # A worker that was forked has a client of its own, and not its parent's answers.
            self._forget()
        process = self._process or self._start()
        if process.stdin is not None:
            # Where the process has ended, the end of its answers says so.
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
        return self._receive(process)

    def _receive(self, process: subprocess.Popen[str]) -> JSONValue:
        try:
            line = self._answers.get(timeout=self._limits.answer)
        except queue.Empty:
            raise self._give_up(process, f"no answer in {self._limits.answer:g} s") from None
        if line is None:
            raise self._give_up(process, self._last_words())
        answer: JSONValue = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        self._folder = Path(tempfile.mkdtemp(prefix="checkpoint-meta-wandb-"))
        with (self._folder / "stderr").open("w") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                # Not the user's folder: its `wandb` would be in the way of the package.
                cwd=self._folder,
                env=_environment(self._folder, self._limits),
                start_new_session=True,
            )
        self._process = process
        weakref.finalize(self, _end, process, self._folder)
        threading.Thread(target=_listen, args=(process.stdout, self._answers), daemon=True).start()
        return process

    def _last_words(self) -> str:
        """Return the last line of a traceback, which says what went wrong."""
        text = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return printable(lines[-1])[:_LONGEST_REASON] if lines else "the client ended"

    def _give_up(self, process: subprocess.Popen[str], reason: str) -> WandbUnavailableError:
        _end(process, self._folder)
        failure = WandbUnavailableError(reason)
        self._failure = failure
        return failure


def _obstacle() -> CheckpointMetaError | None:
    """Return why the client need not even be started."""
    if importlib.util.find_spec("wandb") is None:
        return MissingExtraError("wandb", "wandb")
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return WandbUnavailableError(f"not asked, since WANDB_MODE={os.environ['WANDB_MODE']}")
    return None


def _environment(folder: Path, limits: Limits) -> dict[str, str]:
    return {
        **os.environ,
        "WANDB_DIR": str(folder),
        "WANDB_CACHE_DIR": str(folder),
        "WANDB_DATA_DIR": str(folder),
        "WANDB_SILENT": "true",
        "WANDB_X_GRAPHQL_TIMEOUT_SECONDS": str(limits.request),
        "WANDB_X_GRAPHQL_RETRY_MAX": str(limits.retries),
        "WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1",
    }


def _listen(stream: IO[str] | None, answers: queue.Queue[str | None]) -> None:
    for line in stream or ():
        answers.put(line)
    answers.put(None)


def _end(process: subprocess.Popen[str], folder: Path) -> None:
    """End the client and the helper that it starts, and take away what they leave."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    shutil.rmtree(folder, ignore_errors=True)
