"""Which run a folder belongs to, told on the way down instead of for each checkpoint anew."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

_VERSION: Final = re.compile(r"version_\d+")


@dataclass(frozen=True, slots=True)
class RunFinder:
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
            names = (".hydra",) if (folder / ".hydra").is_dir() else ()
            finder = finder.entering(str(folder), names)
        return finder

    def entering(self, folder: str, names: Container[str]) -> RunFinder:
        """Return the finder inside `folder`, which holds `names`."""
        parent, name = os.path.split(folder)
        finder = self
        if ".hydra" in names and os.path.isdir(os.path.join(folder, ".hydra")):
            finder = replace(finder, hydra=folder)
        if _VERSION.fullmatch(name):
            finder = replace(finder, version=folder)
        if name == "checkpoints":
            finder = replace(finder, above_checkpoints=parent or ".")
        return finder

    def run(self, folder: str) -> str:
        """Return the run of a checkpoint in `folder`."""
        return self.hydra or self.version or self.above_checkpoints or folder
