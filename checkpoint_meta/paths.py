"""Where things lie: checkpoints, their sidecars and their runs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKPOINT_SUFFIXES: Final = (".ckpt", ".pt", ".pth", ".safetensors")

SIDECAR_SUFFIX: Final = ".metadata.yaml"

JSON_SUFFIX: Final = ".metadata.json"
"""Ending of the oldest sidecars."""

_INSTALLED: Final = frozenset({"site-packages", "dist-packages", "node_modules"})

TEMPORARY_PREFIXES: Final = (".lr_find_", ".scale_batch_size_")
"""Files that Lightning's tuners write and delete; nobody asks about them."""

_VERSION_FOLDER: Final = re.compile(r"version_\d+")


def is_sidecar_name(name: str) -> bool:
    """Tell whether a file of this name is a sidecar of any age."""
    return name.endswith((SIDECAR_SUFFIX, JSON_SUFFIX))


@dataclass(frozen=True, slots=True)
class Layout:
    """The rules by which a checkpoint is recognised and its sidecar is named."""

    patterns: tuple[str, ...] = ()
    """File name patterns beside `CHECKPOINT_SUFFIXES`, such as `*.weights`."""

    sidecar_dir: Path | None = None
    """Mirror folder for sidecars; `None` puts each beside its checkpoint."""

    root: Path = field(default_factory=Path)
    """The PATH that is searched, or the folder of one file; what 1.0 calls the outputs folder."""

    mirror_root: Path | None = None
    """What a mirrored sidecar's folder is relative to; `None`: `root`."""

    @property
    def base(self) -> Path:
        """Return the folder whose tree the mirror repeats."""
        return self.root if self.mirror_root is None else self.mirror_root

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the endings that a sidecar's name leaves out."""
        extra = (pattern[1:] for pattern in self.patterns if pattern.startswith("*."))
        return (*CHECKPOINT_SUFFIXES, *extra)

    def is_checkpoint_name(self, name: str) -> bool:
        """Tell whether a file of this name is taken for a checkpoint."""
        if name.endswith(CHECKPOINT_SUFFIXES):
            return True
        # However wide a pattern is, it does not mean the sidecars.
        return not is_sidecar_name(name) and any(
            fnmatchcase(name, pattern) for pattern in self.patterns
        )

    def stem(self, name: str) -> str:
        """Return `name` without a known checkpoint suffix; `epoch=3-val=0.89` stays whole."""
        for suffix in self.suffixes:
            if name.endswith(suffix) and name != suffix:
                return name.removesuffix(suffix)
        return name

    def sidecar_folder(self, folder: Path) -> Path:
        """Return where the sidecars of the checkpoints in `folder` stand."""
        if self.sidecar_dir is None:
            return folder
        # Not `Path.absolute`, which leaves `..` in place.
        absolute = Path(os.path.abspath(folder))  # noqa: PTH100
        relative = Path(os.path.relpath(absolute, self.base.absolute()))
        outside = relative.parts[:1] == ("..",)
        return self.sidecar_dir / (Path(*absolute.parts[1:]) if outside else relative)

    def checkpoint_folder(self, folder: Path) -> Path:
        """Return the folder whose sidecars stand in `folder`: `sidecar_folder` the other way."""
        if self.sidecar_dir is None:
            return folder
        relative = os.path.relpath(folder.absolute(), self.sidecar_dir.absolute())
        inside, outside = self.base / relative, Path(folder.absolute().anchor) / relative
        return outside if outside.is_dir() and not inside.is_dir() else inside


DEFAULT_LAYOUT: Final = Layout()


# Without slots, so that what costs a look at several folders is found once for all sources.
@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk: a file, or the folder of a sharded one."""

    path: Path
    layout: Layout = DEFAULT_LAYOUT

    @cached_property
    def sidecar(self) -> Path:
        """Return where this checkpoint's sidecar stands, or would."""
        name = self.layout.stem(self.path.name) + SIDECAR_SUFFIX
        return self.layout.sidecar_folder(self.path.parent) / name

    @property
    def older_sidecars(self) -> tuple[Path, ...]:
        """Return the names under which earlier writers left a sidecar."""
        folder = self.sidecar.parent
        stem = self.layout.stem(self.path.name)
        names = (f"{self.path.name}{SIDECAR_SUFFIX}", f"{stem}.metadata.json")
        # Of `.ckpt`, which has no stem, the older name is the name.
        return tuple(folder / name for name in names if folder / name != self.sidecar)

    @cached_property
    def run_dir(self) -> Path:
        """Return the folder of the run that wrote this checkpoint."""
        return find_run_dir(self.path.parent)

    @property
    def is_sharded(self) -> bool:
        """Tell whether this checkpoint is a folder."""
        return self.path.is_dir()

    @property
    def is_link(self) -> bool:
        """Tell whether this is a symbolic link, such as `last.ckpt` may be."""
        return self.path.is_symlink()

    @property
    def is_temporary(self) -> bool:
        """Tell whether this was left by one of Lightning's tuners."""
        return self.path.name.startswith(TEMPORARY_PREFIXES)


def find_run_dir(folder: Path) -> Path:
    """Return the run of a checkpoint in `folder`.

    The nearest folder above it that holds `.hydra/`, else the nearest `version_N`, else the
    parent of `checkpoints/`, else `folder` itself.
    """
    above = (folder, *folder.absolute().parents) if folder.is_absolute() else _lineage(folder)
    for candidate in above:
        if (candidate / ".hydra").is_dir():
            return candidate
    for candidate in above:
        if _VERSION_FOLDER.fullmatch(candidate.name):
            return candidate
    for candidate in above:
        if candidate.name == "checkpoints":
            return candidate.parent
    return folder


def _lineage(folder: Path) -> tuple[Path, ...]:
    """Return `folder` and what lies above it, relative as long as that can be."""
    relative = (folder, *folder.parents)
    return (*relative, *Path.cwd().parents)


def is_entered(name: str) -> bool:
    """Tell whether a folder of this name is searched: hidden ones and installed packages are not.

    Python's `site-packages` hold path files, `*.pth`, which are no checkpoints.
    """
    return not name.startswith(".") and name not in _INSTALLED


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; no link that cannot be followed is."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_sharded_checkpoint(folder: Path, names: frozenset[str] | set[str]) -> bool:
    """Tell whether `folder`, which holds `names`, is one checkpoint in parts.

    Lightning's FSDP and ModelParallel folders hold `meta.pt`, torch's distributed checkpoints
    `.metadata`, DeepSpeed's `latest` beside `checkpoint/`.
    """
    if ".metadata" in names and (folder / ".metadata").is_file():
        return True
    if "meta.pt" in names:
        return any(name.endswith(".distcp") for name in names) or folder.suffix == ".ckpt"
    return "checkpoint" in names and _is_deepspeed(folder, names)


def _is_deepspeed(folder: Path, names: frozenset[str] | set[str]) -> bool:
    """Tell a checkpoint from a folder of runs, where `latest` may be a link to one of them."""
    if not (folder / "checkpoint").is_dir():
        return False
    latest = folder / "latest"
    if "zero_to_fp32.py" in names or (latest.is_file() and not latest.is_symlink()):
        return True
    return any((folder / "checkpoint").glob("*_states.pt"))


def iter_checkpoints(
    root: Path,
    layout: Layout = DEFAULT_LAYOUT,
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[CheckpointFile]:
    """Yield every checkpoint at or below `root`, in the order of their paths.

    Hidden folders and installed packages are passed over; a folder that several links lead to is
    entered once; a symbolic link to a checkpoint, sharded or not, is an entry of its own. A sidecar
    is none, though it be `root`. A folder that cannot be listed goes to `on_error`, and the rest
    goes on.

    Raises:
        ReadError: if `root` itself does not exist.
    """
    if not os.path.lexists(root):
        raise ReadError(root, "no such file or folder")
    if not os.path.isdir(root):  # noqa: PTH112 - does not raise where nobody may look
        if not is_sidecar_name(root.name):
            yield CheckpointFile(root, layout)
        return
    yield from _walk(root, layout, on_error or (lambda _: None), set())


def _walk(
    folder: Path,
    layout: Layout,
    on_error: Callable[[ReadError], None],
    entered: set[tuple[int, int]],
) -> Iterator[CheckpointFile]:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        on_error(ReadError(folder, f"cannot be listed ({error.strerror})"))
        return
    is_sharded = is_sharded_checkpoint(folder, {entry.name for entry in entries})
    if is_sharded and folder.is_symlink():
        # The folder that it leads to is another entry, met before or to be met.
        yield CheckpointFile(folder, layout)
        return
    if (status.st_dev, status.st_ino) in entered:
        return
    entered.add((status.st_dev, status.st_ino))
    if is_sharded:
        yield CheckpointFile(folder, layout)
        return
    for entry in entries:
        if is_folder(entry):
            if is_entered(entry.name):
                yield from _walk(folder / entry.name, layout, on_error, entered)
        elif layout.is_checkpoint_name(entry.name):
            yield CheckpointFile(folder / entry.name, layout)
