"""Reports in files, each written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkpoint_meta.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO


@contextmanager
def open_report(path: Path) -> Iterator[IO[str]]:
    """Open a file that takes its place when the block ends well, and else leaves no trace.

    What is no regular file, such as `/dev/stdout`, is written to as it stands.

    Raises:
        WriteError: if the folder or the disk refuses.
    """
    if path.exists() and not path.is_file():
        with _open(path, path) as stream:
            yield stream
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _open(temporary, path) as stream:
            yield stream
        _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _open(path: Path, shown: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise WriteError(shown, str(error.strerror)) from error


def _replace(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise WriteError(path, str(error.strerror)) from error
