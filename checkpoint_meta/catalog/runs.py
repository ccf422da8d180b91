"""Which run a folder belongs to, told on the way down instead of for each checkpoint anew."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

_VERSION: Final = re.compile(r"version_\d+")


class RunFinder(NamedTuple):
    """What was passed on the way: the answers are those of `paths.find_run_dir`."""

    hydra: str | None = None
    """Nearest folder that holds `.hydra/`."""

    version: str | None = None
    """Nearest folder called `version_N`."""

    above_checkpoints: str | None = None
    """Parent of the nearest folder called `checkpoints`."""

    @classmethod
    def above(cls, root: Path) -> RunFinder:
        """Return the finder for somebody who comes from the file system's own root."""
        outside = () if root.is_absolute() else Path.cwd().parents
        finder = cls()
        for folder in reversed((*root.parents, *outside)):
            finder = finder.entering(str(folder), has_hydra=(folder / ".hydra").is_dir())
        return finder

    def entering(self, folder: str, *, has_hydra: bool) -> RunFinder:
        """Return the finder inside `folder`, which holds `.hydra/` or not."""
        name = folder.rpartition(os.sep)[2]
        finder = self
        if has_hydra:
            finder = RunFinder(folder, finder.version, finder.above_checkpoints)
        if name.startswith("version_") and _VERSION.fullmatch(name):
            finder = RunFinder(finder.hydra, folder, finder.above_checkpoints)
        if name == "checkpoints":
            above = folder[: -len(name)].rstrip(os.sep) or folder[: -len(name)] or "."
            finder = RunFinder(finder.hydra, finder.version, above)
        return finder

    def run(self, folder: str) -> str:
        """Return the run of a checkpoint in `folder`."""
        return self.hydra or self.version or self.above_checkpoints or folder
