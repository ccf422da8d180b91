"""Where a checkpoint lies, on a disk or in an fsspec store, and its sidecar with it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from checkpoint_meta.paths import DEFAULT_LAYOUT, SIDECAR_SUFFIX, CheckpointFile, Layout
from checkpoint_meta.store import (
    read_sidecar,
    remove_sidecar,
    render_sidecar,
    write_sidecar,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

WRITING: Final = threading.RLock()
"""Held from looking whether a checkpoint is there to having written beside it, and while a sidecar
is removed; other callbacks delete from threads, and a signal interrupts our own write."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the storage knows of a checkpoint."""

    size_bytes: int
    mtime_ns: int | None
    is_folder: bool


class Place(Protocol):
    """A checkpoint's place, with that of its sidecar."""

    @property
    def name(self) -> str:
        """Return the checkpoint's path relative to the folder of its sidecar, with `/`."""
        ...

    @property
    def local(self) -> CheckpointFile | None:
        """Return the checkpoint as a local file, if it is one."""
        ...

    def facts(self) -> FileFacts | None:
        """Return what lies there; `None` for nothing."""
        ...

    def read(self) -> dict[str, JSONValue] | None:
        """Return the sidecar that stands there; `None` for none.

        Raises:
            ReadError: if it is broken.
        """
        ...

    def write(self, document: Mapping[str, JSONValue]) -> None:
        """Put the sidecar there, whole or not at all."""
        ...

    def remove(self) -> None:
        """Take the sidecar away, if there is one."""
        ...

    def is_gone(self) -> bool:
        """Tell whether no checkpoint lies there, not even a link to one that is gone."""
        ...


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A place on a disk."""

    checkpoint: CheckpointFile

    @property
    def name(self) -> str:
        """Return the checkpoint's path relative to the folder of its sidecar, with `/`."""
        relative = os.path.relpath(self.checkpoint.path, self.checkpoint.sidecar.parent)
        return Path(relative).as_posix()

    @property
    def local(self) -> CheckpointFile:
        """Return the checkpoint."""
        return self.checkpoint

    def facts(self) -> FileFacts | None:
        """Return what lies there; `None` for nothing, or a link to nothing."""
        path = self.checkpoint.path
        if not path.exists():
            return None
        status = path.stat()
        if not path.is_dir():
            return FileFacts(status.st_size, status.st_mtime_ns, is_folder=False)
        parts = [part.stat() for part in path.rglob("*") if part.is_file()]
        size = sum(part.st_size for part in parts)
        newest = max((part.st_mtime_ns for part in parts), default=status.st_mtime_ns)
        return FileFacts(size, newest, is_folder=True)

    def read(self) -> dict[str, JSONValue] | None:
        """Return the sidecar that stands there; `None` for none."""
        sidecar = self.checkpoint.sidecar
        return read_sidecar(sidecar) if sidecar.exists() else None

    def write(self, document: Mapping[str, JSONValue]) -> None:
        """Put the sidecar there; a link gives way, and what it leads to stays as it is."""
        sidecar = self.checkpoint.sidecar
        if sidecar.is_symlink():
            sidecar.unlink()
        write_sidecar(sidecar, document)

    def remove(self) -> None:
        """Take the sidecar away, if there is one."""
        remove_sidecar(self.checkpoint.sidecar)

    def is_gone(self) -> bool:
        """Tell whether no checkpoint lies there, not even a link to one that is gone."""
        return not os.path.lexists(self.checkpoint.path)

    def follow(self, target: LocalPlace) -> None:
        """Have the sidecar stand for that of `target`, as this checkpoint stands for its."""
        if not self.checkpoint.is_link:
            self._copy(target)
            return
        try:
            self._link(target)
        except OSError:
            self._copy(target)

    def _copy(self, target: LocalPlace) -> None:
        document = target.read()
        if document is not None:
            self.write({**document, "checkpoint_path": self.name})

    def _link(self, target: LocalPlace) -> None:
        sidecar, aim = self.checkpoint.sidecar, target.checkpoint.sidecar
        temporary = sidecar.with_name(f".{sidecar.stem.translate(_NO_DIGITS)}.partial")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.path.relpath(aim, sidecar.parent))
        temporary.replace(sidecar)


_NO_DIGITS: Final = str.maketrans("", "", "0123456789_")


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """A place that fsspec knows, such as `s3://bucket/run/best.ckpt`."""

    url: str

    @property
    def name(self) -> str:
        """Return the checkpoint's name."""
        return self.url.rpartition("/")[2]

    @property
    def local(self) -> None:
        """Return nothing: this is no local file."""
        return

    @property
    def _sidecar(self) -> str:
        folder = self.url.rpartition("/")[0]
        return f"{folder}/{DEFAULT_LAYOUT.stem(self.name)}{SIDECAR_SUFFIX}"

    def facts(self) -> FileFacts | None:
        """Return what lies there; `None` for nothing."""
        import fsspec

        files, path = fsspec.core.url_to_fs(self.url)
        try:
            info = files.info(path)
        except FileNotFoundError:
            return None
        return FileFacts(int(info.get("size") or 0), None, info.get("type") == "directory")

    def read(self) -> dict[str, JSONValue] | None:
        """Return nothing: a remote sidecar is written anew."""
        return None

    def write(self, document: Mapping[str, JSONValue]) -> None:
        """Put the sidecar there; a store shows an object once it is complete."""
        import fsspec

        files, path = fsspec.core.url_to_fs(self._sidecar)
        files.pipe_file(path, render_sidecar(document).encode())

    def remove(self) -> None:
        """Take the sidecar away, if there is one."""
        import fsspec

        files, path = fsspec.core.url_to_fs(self._sidecar)
        if files.exists(path):
            files.rm_file(path)

    def is_gone(self) -> bool:
        """Tell whether no checkpoint lies there."""
        return self.facts() is None


def place_of(path: str, layout: Layout = DEFAULT_LAYOUT) -> Place:
    """Return the place of the checkpoint at `path`, which may be a URL."""
    path = path.removeprefix("file://")
    if "://" in path:
        return RemotePlace(path)
    return LocalPlace(CheckpointFile(Path(path), layout))
