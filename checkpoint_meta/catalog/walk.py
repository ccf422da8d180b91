"""Checkpoints and sidecars on disk, with what tells whether they changed: one look a file.

The same checkpoints as `iter_checkpoints` yields, in much less time: names come from the listing
of their folder, and nothing becomes a `Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.row import FileState
from checkpoint_meta.catalog.runs import RunFinder
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import (
    CHECKPOINT_SUFFIXES,
    SIDECAR_SUFFIX,
    is_folder,
    is_sharded_checkpoint,
    is_sidecar_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from checkpoint_meta.paths import Layout


_SHARD_MARKS: Final = frozenset({".metadata", "meta.pt", "checkpoint"})
"""A folder without any of these names is no sharded checkpoint."""


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
        if is_sidecar_name(root.name):
            return
        folder = str(root.parent)
        names = {entry.name for entry in self._list(folder) or ()}
        sidecars, is_link = self._sidecars(folder, names), root.is_symlink()
        run = runs.run(folder)
        yield Listing(folder, [self._checkpoint(folder, root.name, run, sidecars, is_link=is_link)])

    def _folder(self, folder: str, runs: RunFinder) -> Iterator[Listing]:
        if os.path.islink(folder) and self._is_sharded(folder):
            # The folder that it leads to is another entry, met before or to be met.
            yield self._sharded(folder, runs, is_link=True)
            return
        entries = self._list(folder)
        if entries is None:
            return
        names = {entry.name for entry in entries}
        if not names.isdisjoint(_SHARD_MARKS) and is_sharded_checkpoint(Path(folder), names):
            yield self._sharded(folder, runs)
            return
        runs = runs.entering(folder, names)
        folders = sorted(entry.name for entry in entries if is_folder(entry))
        if len(folders) < len(entries):
            files = names.difference(folders)
            yield self._files(folder, entries, files, runs.run(folder))
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
        self, folder: str, entries: list[os.DirEntry[str]], files: set[str], run: str
    ) -> Listing:
        """Return the checkpoints among the files of a folder, and the sidecars without one."""
        sidecars = self._sidecars(folder, files)
        links = {entry.name for entry in entries if entry.is_symlink()}
        found = [
            self._checkpoint(folder, name, run, sidecars, is_link=name in links)
            for name in sorted(filter(self._is_checkpoint, files))
        ]
        if len(sidecars.names) > sum(one.sidecar is not None for one in found):
            found += self._orphans(folder, entries, run, sidecars, found)
        return Listing(folder, found)

    def _is_checkpoint(self, name: str) -> bool:
        if not self.layout.patterns:
            return name.endswith(CHECKPOINT_SUFFIXES)
        return self.layout.is_checkpoint_name(name)

    def _orphans(
        self,
        folder: str,
        entries: list[os.DirEntry[str]],
        run: str,
        sidecars: _Sidecars,
        checkpoints: list[Found],
    ) -> Iterator[Found]:
        """Yield the sidecars that belong to no checkpoint, nor are one's under an older name."""
        unclaimed = sidecars.names.difference(
            f"{stem}{SIDECAR_SUFFIX}"
            for one in checkpoints
            for stem in (one.name, self._stem(one.name))
        )
        for name in sorted(unclaimed):
            stem = name.removesuffix(SIDECAR_SUFFIX)
            if not self._is_of_sharded(folder, entries, stem):
                path = join(sidecars.folder, name)
                yield Found(folder, stem, run, None, path, state_of(path))

    def _checkpoint(
        self, folder: str, name: str, run: str, sidecars: _Sidecars, *, is_link: bool = False
    ) -> Found:
        sidecar = f"{self._stem(name)}{SIDECAR_SUFFIX}"
        state = state_of(join(folder, name))
        if sidecar not in sidecars.names:
            return Found(folder, name, run, state, None, None, is_link)
        path = join(sidecars.folder, sidecar)
        return Found(folder, name, run, state, path, state_of(path), is_link)

    def _stem(self, name: str) -> str:
        """Return what `layout.stem` returns, for most names without a look at every suffix."""
        return name[:-5] if name.endswith(".ckpt") and name != ".ckpt" else self.layout.stem(name)

    def _is_sharded(self, folder: str) -> bool:
        try:
            return is_sharded_checkpoint(Path(folder), set(os.listdir(folder)))
        except OSError:
            return False

    def _sharded(self, folder: str, runs: RunFinder, *, is_link: bool = False) -> Listing:
        """Return a checkpoint that is a folder; its state is that of all its files."""
        parent, name = os.path.split(os.path.abspath(folder) if folder == "." else folder)
        parent = parent or "."
        listed = os.listdir(parent)
        sidecars = self._sidecars(parent, listed)
        found = self._checkpoint(parent, name, runs.run(parent), sidecars, is_link=is_link)
        return Listing(parent, [found._replace(state=state_of_folder(folder))])

    def _is_of_sharded(self, folder: str, entries: list[os.DirEntry[str]], stem: str) -> bool:
        """Tell whether a checkpoint that is a folder has this stem."""
        named = (
            Path(folder, entry.name)
            for entry in entries
            if self.layout.stem(entry.name) == stem and is_folder(entry)
        )
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
