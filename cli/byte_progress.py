"""A progress bar in bytes."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkpoint_meta.rules.deep import bytes_to_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checkpoint_meta.rules.subjects import Subject

    from .output import Output


@contextmanager
def byte_progress(output: Output, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, where that is a terminal; the value is what moves it on."""
    if output.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(
        *columns,
        TimeRemainingColumn(),
        console=output.console(stderr=True),
        transient=True,
        # Else rich takes what is meant for a file or a pipe to the terminal too.
        redirect_stdout=output.is_terminal(),
    )
    with bar:
        task = bar.add_task("reading", total=total)
        yield lambda count: bar.update(task, advance=count)


def total_bytes(subjects: list[Subject]) -> int:
    """Return how many bytes there are to read."""
    return sum(bytes_to_read(one.checkpoint.path) for one in subjects if one.checkpoint)
