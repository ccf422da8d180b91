"""Checkpoints and sidecars on disk, with what tells whether they changed: one look a file.

The same checkpoints as `iter_checkpoints` yields, in much less time: names come from the listing
of their folder, and nothing becomes a `Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.row import FileState
from checkpoint_meta.catalog.runs import RunFinder
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import SIDECAR_SUFFIX, is_sharded_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from checkpoint_meta.paths import Layout


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
    def is_orphan(self) -> bool:
        """Tell whether this is a sidecar without a checkpoint."""
        return self.state is None and not self.is_link


class Listing(NamedTuple):
    """What was found in one folder."""

    folder: str
    found: list[Found]


@dataclass(slots=True)
class Walk:
    """Goes through folders, in the order of their names."""

    layout: Layout
    on_error: Callable[[ReadError], None]
    _entered: set[tuple[int, int]] = field(default_factory=set)

    def below(self, root: Path) -> Iterator[Listing]:
        """Yield what lies at or below `root`, folder by folder.

        Raises:
            ReadError: if `root` does not exist.
        """
        if not os.path.lexists(root):
            raise ReadError(root, "no such file or folder")
        runs = RunFinder.above(root)
        if root.is_dir():
            yield from self._folder(str(root), runs)
            return
        folder = str(root.parent)
        names = {entry.name for entry in self._list(folder) or ()}
        found = self._checkpoint(folder, root.name, runs.run(folder), self._sidecars(folder, names))
        yield Listing(folder, [found._replace(is_link=root.is_symlink())])

    def _folder(self, folder: str, runs: RunFinder) -> Iterator[Listing]:
        entries = self._list(folder)
        if entries is None:
            return
        names = {entry.name for entry in entries}
        if is_sharded_checkpoint(Path(folder), names):
            yield self._sharded(folder, runs)
            return
        runs = runs.entering(folder, names)
        folders = sorted(entry.name for entry in entries if entry.is_dir())
        files = sorted(
            (entry for entry in entries if not entry.is_dir()), key=lambda entry: entry.name
        )
        yield self._files(folder, files, runs.run(folder), set(folders))
        for name in folders:
            if not name.startswith("."):
                yield from self._folder(join(folder, name), runs)

    def _list(self, folder: str) -> list[os.DirEntry[str]] | None:
        """Return the entries of a folder; `None` where it was entered before or refuses."""
        try:
            status = os.stat(folder)
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            self.on_error(ReadError(Path(folder), f"cannot be listed ({error.strerror})"))
            return None
        identity = (status.st_dev, status.st_ino)
        if identity in self._entered:
            return None
        self._entered.add(identity)
        return listed

    def _files(
        self, folder: str, files: list[os.DirEntry[str]], run: str, folders: set[str]
    ) -> Listing:
        """Return the checkpoints among the files of a folder, and the sidecars without one."""
        is_checkpoint = self.layout.is_checkpoint_name
        sidecars = self._sidecars(folder, {entry.name for entry in files})
        checkpoints = [entry for entry in files if is_checkpoint(entry.name)]
        found = [
            self._checkpoint(folder, entry.name, run, sidecars)._replace(is_link=True)
            if entry.is_symlink()
            else self._checkpoint(folder, entry.name, run, sidecars)
            for entry in checkpoints
        ]
        taken = {self.layout.stem(one.name) for one in found} | {one.name for one in found}
        for name in sorted(sidecars.names):
            stem = name.removesuffix(SIDECAR_SUFFIX)
            if stem not in taken and not self._is_of_sharded(folder, folders, stem):
                path = join(sidecars.folder, name)
                found.append(Found(folder, stem, run, None, path, state_of(path)))
        return Listing(folder, found)

    def _checkpoint(self, folder: str, name: str, run: str, sidecars: _Sidecars) -> Found:
        sidecar = f"{self.layout.stem(name)}{SIDECAR_SUFFIX}"
        state = state_of(join(folder, name))
        if sidecar not in sidecars.names:
            return Found(folder, name, run, state, None, None)
        path = join(sidecars.folder, sidecar)
        return Found(folder, name, run, state, path, state_of(path))

    def _sharded(self, folder: str, runs: RunFinder) -> Listing:
        """Return a checkpoint that is a folder; its state is that of all its files."""
        parent, name = os.path.split(os.path.abspath(folder) if folder == "." else folder)
        parent = parent or "."
        listed = os.listdir(parent)
        found = self._checkpoint(parent, name, runs.run(parent), self._sidecars(parent, listed))
        return Listing(parent, [found._replace(state=state_of_folder(folder))])

    def _is_of_sharded(self, folder: str, folders: set[str], stem: str) -> bool:
        """Tell whether a checkpoint that is a folder has this stem."""
        named = (Path(folder, name) for name in folders if self.layout.stem(name) == stem)
        return any(is_sharded_checkpoint(inner, set(os.listdir(inner))) for inner in named)

    def _sidecars(self, folder: str, names: Collection[str]) -> _Sidecars:
        """Return the sidecars of the checkpoints in `folder`, which holds `names`."""
        place = str(self.layout.sidecar_folder(Path(folder))) if self.layout.sidecar_dir else folder
        if place != folder:
            try:
                names = os.listdir(place)
            except OSError:
                names = ()
        return _Sidecars(place, {name for name in names if name.endswith(SIDECAR_SUFFIX)})


class _Sidecars(NamedTuple):
    folder: str
    names: set[str]


def join(folder: str, name: str) -> str:
    """Return the path of a file as `Path` would write it."""
    if folder == ".":
        return name
    return f"{folder}{name}" if folder.endswith(os.sep) else f"{folder}{os.sep}{name}"


def state_of(path: str) -> FileState | None:
    """Return the state of a file or of what a link leads to; `None` where there is nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def state_of_folder(folder: str) -> FileState:
    """Return the state of a sharded checkpoint: all sizes, and the latest times."""
    states = [
        state
        for place, _, names in os.walk(folder)
        for state in (state_of(join(place, name)) for name in names)
        if state
    ]
    own = state_of(folder)
    return FileState(
        sum(state.size for state in states),
        max((state.mtime_ns for state in states), default=0),
        max((state.ctime_ns for state in states), default=0),
        own.inode if own else 0,
    )
