"""What a walk meets: checkpoints and sidecars, folder by folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.marks import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.known import Known
    from checkpoint_meta.catalog.row import FileState


class Found(NamedTuple):
    """A checkpoint, a sidecar, or both."""

    folder: str
    name: str
    """Of the checkpoint; for a sidecar without one, the sidecar's without its ending."""

    run: str
    state: FileState | None
    """Of the checkpoint; `None` where there is none, or a link that leads nowhere."""

    sidecar: str | None
    sidecar_state: FileState | None
    is_link: bool = False

    @property
    def path(self) -> str:
        """Return the checkpoint's path."""
        return join(self.folder, self.name)

    @property
    def target(self) -> str | None:
        """Return what a link leads to; `None` for any other file, or where it is gone by now."""
        try:
            return os.readlink(self.path) if self.is_link else None
        except OSError:
            return None

    @property
    def is_orphan(self) -> bool:
        """Tell whether this is a sidecar without a checkpoint."""
        return self.state is None and not self.is_link


class Listing(NamedTuple):
    """What was found in one folder."""

    folder: str
    found: list[Found]
    key: str | None = None
    """Of the folder, by which it is known; `None` where it cannot be."""

    mark: bytes = b""
    """Of the folder, if it tells that it still holds the same; else empty."""

    folders: Sequence[str] = ()
    """Names of the folders in it that are entered."""

    has_hydra: bool = False


class Unchanged(NamedTuple):
    """A folder that is as it was when it was listed last."""

    folder: str
    run: str
    known: Known
