"""Checkpoints and sidecars on disk, with what tells whether they changed: one look a file.

The same checkpoints as `iter_checkpoints` yields, in much less time: names come from the listing
of their folder, and nothing becomes a `Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from checkpoint_meta.catalog.found import Found, Listing, Unchanged
from checkpoint_meta.catalog.known import ROOT_OF_FOLDERS, can_be_key, decoded, key_of_root
from checkpoint_meta.catalog.marks import identity_in, join, mark_of_folder, prefix_of, state_of
from checkpoint_meta.catalog.row import FileState
from checkpoint_meta.catalog.runs import RunFinder
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import (
    CHECKPOINT_SUFFIXES,
    SIDECAR_SUFFIX,
    is_entered,
    is_sharded_checkpoint,
    is_sidecar_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from checkpoint_meta.catalog.known import Known
    from checkpoint_meta.paths import Layout


_SHARD_MARKS: Final = frozenset({".metadata", "meta.pt", "checkpoint"})
"""A folder without any of these names is no sharded checkpoint."""


class Place(NamedTuple):
    """Where a walk is."""

    folder: str
    key: str | None
    runs: RunFinder

    def inner(self, name: str) -> Place:
        """Return the place of a folder inside."""
        is_known = self.key is not None and can_be_key(name)
        key = f"{self.key}{ROOT_OF_FOLDERS}{name}" if is_known else None
        return Place(join(self.folder, name), key, self.runs)


_Inside: TypeAlias = "Sequence[tuple[Place, bool]]"
"""Folders in a folder; whether each is a link."""


@dataclass(slots=True)
class Walk:
    """Goes through folders, in the order of their names."""

    layout: Layout
    on_error: Callable[[ReadError], None]
    recall: Callable[[str], Known | None] = lambda _: None
    """Returns what is known of a folder if it is as it was, by its key."""

    _entered: set[bytes] = field(default_factory=set)

    def below(self, root: Path) -> Iterator[Listing | Unchanged]:
        """Yield what lies at or below `root`, folder by folder.

        Raises:
            ReadError: if `root` does not exist.
        """
        if not os.path.lexists(root):
            raise ReadError(root, "no such file or folder")
        runs = RunFinder.above(root)
        if root.is_dir():
            place = Place(str(root), key_of_root(root), runs)
            yield from self._folders(place, is_link=root.is_symlink())
            return
        if is_sidecar_name(root.name):
            return
        folder = str(root.parent)
        names = {entry.name for entry in self._list(folder) or ()}
        sidecars, links = self._sidecars(folder, names), {root.name} if root.is_symlink() else set()
        run = runs.run(folder)
        yield Listing(folder, self._checkpoints(folder, [root.name], run, sidecars, links))

    def _folders(self, root: Place, *, is_link: bool) -> Iterator[Listing | Unchanged]:
        waiting = [(root, is_link)]
        while waiting:
            place, is_link = waiting.pop()
            known = self.recall(place.key) if place.key is not None else None
            met: Listing | Unchanged | None
            if known is None:
                met, inside = self._listed(place, is_link=is_link)
            else:
                met, inside = self._recalled(place, known)
            if met is not None:
                yield met
            waiting += reversed(inside)

    def _recalled(self, place: Place, known: Known) -> tuple[Unchanged | None, _Inside]:
        """Return a folder that is as it was, and the folders in it."""
        if not self._enters(known.mark):
            return None, ()
        runs = place.runs.entering(place.folder, has_hydra=bool(known.has_hydra))
        inside = [
            (Place(join(place.folder, name), f"{place.key}{ROOT_OF_FOLDERS}{name}", runs), False)
            for name in decoded(known.folders)
        ]
        if not known.total:
            return None, inside
        return Unchanged(place.folder, runs.run(place.folder), known), inside

    def _listed(self, place: Place, *, is_link: bool) -> tuple[Listing | None, _Inside]:
        """Return what a folder holds, and the folders in it."""
        folder = place.folder
        if is_link and self._is_sharded(folder):
            # The folder that it leads to is another entry, met before or to be met.
            return self._sharded(place, is_link=True), ()
        mark = self._mark(folder)
        entries = self._list(folder) if mark and self._enters(mark) else None
        if entries is None:
            return None, ()
        folders, files, links = _sorted_out(entries)
        names = files.union(folders)
        is_plain = names.isdisjoint(_SHARD_MARKS)
        if not is_plain and is_sharded_checkpoint(Path(folder), names):
            return self._sharded(place), ()
        has_hydra = ".hydra" in names and os.path.isdir(join(folder, ".hydra"))
        runs = place.runs.entering(folder, has_hydra=has_hydra)
        found = self._files(folder, links, files, runs.run(folder), folders)
        entered = [name for name in folders if is_entered(name)]
        # What a link leads to, or a folder holds that may be a checkpoint, changes unseen.
        is_telling = is_plain and not links and not self.layout.sidecar_dir
        is_telling = is_telling and not any(one.is_orphan for one in found)
        key = place.key if all(map(can_be_key, entered)) else None
        listing = Listing(folder, found, key, mark if is_telling else b"", entered, has_hydra)
        here = place._replace(runs=runs)
        return listing, [(here.inner(name), name in links) for name in entered]

    def _mark(self, folder: str) -> bytes:
        try:
            return mark_of_folder(os.stat(folder))
        except OSError as error:
            self.on_error(ReadError(Path(folder), f"cannot be listed ({error.strerror})"))
            return b""

    def _enters(self, mark: bytes) -> bool:
        """Tell whether a folder is met for the first time."""
        identity = identity_in(mark)
        if identity in self._entered:
            return False
        self._entered.add(identity)
        return True

    def _list(self, folder: str) -> list[os.DirEntry[str]] | None:
        """Return the entries of a folder; `None` where it refuses."""
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            self.on_error(ReadError(Path(folder), f"cannot be listed ({error.strerror})"))
            return None

    def _files(
        self, folder: str, links: set[str], files: set[str], run: str, folders: Sequence[str]
    ) -> list[Found]:
        """Return the checkpoints among the files of a folder, and the sidecars without one."""
        if not files:
            return []
        sidecars = self._sidecars(folder, files)
        names = [name for name in files if name.endswith(CHECKPOINT_SUFFIXES)]
        if self.layout.patterns:
            names = [name for name in files if self.layout.is_checkpoint_name(name)]
        found = self._checkpoints(folder, sorted(names), run, sidecars, links)
        if len(sidecars.names) > sum(one.sidecar is not None for one in found):
            found += self._orphans(folder, folders, run, sidecars, found)
        return found

    def _orphans(
        self,
        folder: str,
        folders: Sequence[str],
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
            if not self._is_of_sharded(folder, folders, stem):
                path = join(sidecars.folder, name)
                yield Found(folder, stem, run, None, path, state_of(path))

    def _checkpoints(
        self,
        folder: str,
        names: Iterable[str],
        run: str,
        sidecars: _Sidecars,
        links: Collection[str],
    ) -> list[Found]:
        """Return the checkpoints of these names, each with its sidecar."""
        prefix, beside = prefix_of(folder), prefix_of(sidecars.folder)
        found = []
        for name in names:
            sidecar = f"{self._stem(name)}{SIDECAR_SUFFIX}"
            path = f"{beside}{sidecar}" if sidecar in sidecars.names else None
            state = state_of(f"{prefix}{name}")
            sidecar_state = state_of(path) if path else None
            found.append(Found(folder, name, run, state, path, sidecar_state, name in links))
        return found

    def _stem(self, name: str) -> str:
        """Return what `layout.stem` returns, for most names without a look at every suffix."""
        return name[:-5] if name.endswith(".ckpt") and name != ".ckpt" else self.layout.stem(name)

    def _is_sharded(self, folder: str) -> bool:
        try:
            return is_sharded_checkpoint(Path(folder), set(os.listdir(folder)))
        except OSError:
            return False

    def _sharded(self, place: Place, *, is_link: bool = False) -> Listing:
        """Return a checkpoint that is a folder; its state is that of all its files."""
        folder = place.folder
        parent, name = os.path.split(os.path.abspath(folder) if folder == "." else folder)
        parent = parent or "."
        listed = os.listdir(parent)
        sidecars = self._sidecars(parent, listed)
        run, links = place.runs.run(parent), {name} if is_link else set()
        (found,) = self._checkpoints(parent, [name], run, sidecars, links)
        found = found._replace(state=state_of_folder(folder))
        return Listing(parent, [found], place.key)

    def _is_of_sharded(self, folder: str, folders: Sequence[str], stem: str) -> bool:
        """Tell whether a checkpoint that is a folder has this stem."""
        named = (join(folder, name) for name in folders if self.layout.stem(name) == stem)
        return any(map(self._is_sharded, named))

    def _sidecars(self, folder: str, names: Collection[str]) -> _Sidecars:
        """Return the sidecars of the checkpoints in `folder`, which holds `names`."""
        place = str(self.layout.sidecar_folder(Path(folder))) if self.layout.sidecar_dir else folder
        if place != folder:
            try:
                names = os.listdir(place)
            except OSError:
                names = ()
        return _Sidecars(place, {name for name in names if name.endswith(SIDECAR_SUFFIX)})


def _sorted_out(entries: Iterable[os.DirEntry[str]]) -> tuple[list[str], set[str], set[str]]:
    """Return the names of folders, in order, of everything else, and of what is a link of both."""
    folders: list[str] = []
    files: set[str] = set()
    links: set[str] = set()
    for entry in entries:
        try:
            is_folder = entry.is_dir()
        except OSError:
            # No link that cannot be followed is one.
            is_folder = False
        if is_folder:
            folders.append(entry.name)
        else:
            files.add(entry.name)
        if entry.is_symlink():
            links.add(entry.name)
    return sorted(folders), files, links


class _Sidecars(NamedTuple):
    folder: str
    names: set[str]


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
