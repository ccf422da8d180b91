"""The contract of a place to look."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from checkpoint_meta.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import Fragment
    from checkpoint_meta.paths import CheckpointFile


class Source(Protocol):
    """Anything that can make claims about a checkpoint."""

    name: ClassVar[str]
    """Name in provenance, precedence lists and `--source` options."""

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield what this source knows about `checkpoint`; nothing if nothing.

        Raises:
            ReadError: if a file that this source needs is there, but broken.
        """
        ...


def each_of(*files: Iterator[Fragment]) -> Iterator[Fragment]:
    """Yield what each file claims; one that cannot be read does not hide the others.

    Raises:
        ReadError: the first that was met, once all are done.
    """
    errors: list[ReadError] = []
    for claims in files:
        try:
            yield from claims
        except ReadError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def location_of(file: Path, checkpoint: CheckpointFile) -> str:
    """Return `file` relative to the sidecar's own folder, with `/`, as provenance names it."""
    return Path(os.path.relpath(file, checkpoint.sidecar.parent)).as_posix()
