"""What there is to judge below a PATH: each checkpoint, and each sidecar without one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import (
    DEFAULT_LAYOUT,
    JSON_SUFFIX,
    SIDECAR_SUFFIX,
    CheckpointFile,
    Layout,
    is_entered,
    is_folder,
    is_sharded_checkpoint,
    is_sidecar_name,
    iter_checkpoints,
)
from checkpoint_meta.store import read_text_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Subject:
    """A checkpoint with its sidecar, there or not; or a sidecar alone."""

    sidecar: Path
    checkpoint: CheckpointFile | None = None

    @property
    def path(self) -> Path:
        """Return what the subject is called by."""
        return self.checkpoint.path if self.checkpoint else self.sidecar

    @property
    def readable(self) -> Path | None:
        """Return the YAML sidecar that is there, under its own or an older name."""
        older = self.checkpoint.older_sidecars[0] if self.checkpoint else self.sidecar
        candidates = (path for path in (self.sidecar, older) if path.suffix == ".yaml")
        return next((path for path in candidates if os.path.lexists(path)), None)


def iter_subjects(
    root: Path,
    layout: Layout = DEFAULT_LAYOUT,
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[Subject]:
    """Yield every checkpoint at or below `root`, then every sidecar that belongs to none.

    A symbolic link stands for what it points to; that is yielded once, and the link itself only
    where a sidecar of its own stands beside it. A sidecar may be given as `root` itself. A folder
    that cannot be listed goes to `on_error`.

    Raises:
        ReadError: if `root` does not exist.
    """
    if is_sidecar_name(root.name) and not root.is_dir() and os.path.lexists(root):
        yield from _around_sidecar(root, layout)
        return
    links: list[CheckpointFile] = []
    judged: set[Path] = set()
    for checkpoint in _checkpoints(root, layout, on_error):
        if checkpoint.is_temporary:
            continue
        if checkpoint.is_link:
            links.append(checkpoint)
            continue
        judged.add(Path(os.path.realpath(checkpoint.path)))
        yield Subject(checkpoint.sidecar, checkpoint)
    yield from _targets(links, judged)
    if root.is_dir():
        yield from _orphans(root, layout)


def _checkpoints(
    root: Path, layout: Layout, on_error: Callable[[ReadError], None] | None
) -> Iterator[CheckpointFile]:
    try:
        yield from iter_checkpoints(root, layout, on_error)
    except OSError as error:
        # Such as a link that leads to itself: a gate that did not see the rest is shut.
        place = Path(error.filename) if error.filename else root
        raise ReadError(place, f"cannot be searched ({error.strerror})") from error


def _targets(links: list[CheckpointFile], judged: set[Path]) -> Iterator[Subject]:
    """Yield what the links point to, unless it was judged.

    A dangling link is yielded as itself, and so is one with a sidecar of its own.
    """
    for link in links:
        # Neither raises at a link that leads to itself, or to where nobody may look.
        target = replace(link, path=Path(os.path.realpath(link.path)))
        is_there = os.path.exists(target.path)  # noqa: PTH110
        if is_there and target.path not in judged:
            judged.add(target.path)
            yield Subject(target.sidecar, target)
        if not is_there or _has_its_own_sidecar(link, target):
            yield Subject(link.sidecar, link)


def _has_its_own_sidecar(link: CheckpointFile, target: CheckpointFile) -> bool:
    """Tell whether a sidecar of the link is neither its target's, nor that of a file's."""
    return any(
        os.path.lexists(path)
        and not any(_is_same(path, one) for one in (target.sidecar, *target.older_sidecars))
        and all(owner.is_link for owner in owners_of(path, link.layout))
        for path in (link.sidecar, *link.older_sidecars)
    )


def _is_same(sidecar: Path, other: Path) -> bool:
    """Tell whether two names lead to one sidecar, or to copies: not everywhere are there links."""
    if os.path.realpath(sidecar) == os.path.realpath(other):
        return True
    text = read_text_or_none(sidecar)
    return text is not None and text == read_text_or_none(other)


def _around_sidecar(sidecar: Path, layout: Layout) -> Iterator[Subject]:
    """Yield the checkpoints that a sidecar belongs to, or the sidecar alone."""
    owners = owners_of(sidecar, layout)
    files = [owner for owner in owners if not owner.is_link]
    for checkpoint in files:
        yield Subject(checkpoint.sidecar, checkpoint)
    if not owners:
        yield Subject(sidecar)
    elif not files:
        yield from _targets(owners, set())


def _orphans(root: Path, layout: Layout) -> Iterator[Subject]:
    for sidecar in _iter_sidecars(layout.sidecar_folder(root), set()):
        if not owners_of(sidecar, layout):
            yield Subject(sidecar)


def owners_of(sidecar: Path, layout: Layout = DEFAULT_LAYOUT) -> list[CheckpointFile]:
    """Return the checkpoints that are there and would have this sidecar, or an older name of it."""
    name = sidecar.name
    stem = name.removesuffix(SIDECAR_SUFFIX if name.endswith(SIDECAR_SUFFIX) else JSON_SUFFIX)
    folder = layout.checkpoint_folder(sidecar.parent)
    places = [folder / f"{stem}{suffix}" for suffix in dict.fromkeys(layout.suffixes)]
    places.append(folder / stem)
    return [CheckpointFile(place, layout) for place in places if _is_checkpoint(place, layout)]


def _is_checkpoint(place: Path, layout: Layout) -> bool:
    if place.is_dir():
        return is_sharded_checkpoint(place, {entry.name for entry in os.scandir(place)})
    return layout.is_checkpoint_name(place.name) and os.path.lexists(place)


def _iter_sidecars(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield every sidecar at or below `folder`; what cannot be listed was told of before."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if (status.st_dev, status.st_ino) in entered:
        return
    entered.add((status.st_dev, status.st_ino))
    for entry in entries:
        place = folder / entry.name
        if is_folder(entry):
            if is_entered(entry.name):
                yield from _iter_sidecars(place, entered)
        elif is_sidecar_name(entry.name):
            yield place
