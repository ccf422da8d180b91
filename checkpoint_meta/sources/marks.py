"""Marks: short texts that tell whether what a source would read has changed since it was asked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.sources.interface import Source

NONE: Final = "none"
"""Mark of a source that was asked, and has nothing to read beside the checkpoint."""

_DIGITS: Final = 16
_BY_EFFECTIVE_IDS: Final = os.access in os.supports_effective_ids


@runtime_checkable
class Watching(Protocol):
    """A source that reads files beside the checkpoint, or that a setting tells what to look for."""

    def mark(self, checkpoint: CheckpointFile) -> str:
        """Return what `mark_of` says of all that may change the claims; no file is opened.

        It raises nothing: a file that cannot be looked at is as good as none.
        """
        ...


def marks_of(sources: Iterable[Source], checkpoint: CheckpointFile) -> dict[str, str]:
    """Return the mark of each source, by its name; two of one name share theirs."""
    found: dict[str, list[str]] = {}
    for source in sources:
        marks = found.setdefault(source.name, [])
        if isinstance(source, Watching):
            marks.append(source.mark(checkpoint))
    return {
        name: " ".join(mark for mark in marks if mark != NONE) or NONE
        for name, marks in found.items()
    }


def mark_of(
    files: Iterable[Path] = (),
    folder: Path = Path(),
    settings: Mapping[str, str] | None = None,
) -> str:
    """Return a mark of the files that are there and of what the user has set.

    It changes when one of them appears, goes, changes by size or time, or may be read; not when
    all of them move together with `folder`.
    """
    states = sorted(state for file in files if (state := _state(file, folder)))
    said = [*states, *sorted((settings or {}).items())]
    if not said:
        return NONE
    return hashlib.sha256(repr(said).encode()).hexdigest()[:_DIGITS]


def _state(file: Path, folder: Path) -> tuple[str, int, int, bool] | None:
    try:
        status = file.stat()
    except (OSError, ValueError):
        return None
    return os.path.relpath(file, folder), status.st_size, status.st_mtime_ns, may_read(file)


def may_read(file: Path) -> bool:
    """Tell whether a file may be read; mending its permission changes neither size nor time."""
    return os.access(file, os.R_OK, effective_ids=_BY_EFFECTIVE_IDS)
