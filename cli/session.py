"""What every command starts with: settings, output, and the checkpoints below the PATHs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError, printable
from checkpoint_meta.paths import Layout, iter_checkpoints
from checkpoint_meta.settings import Settings, find_settings, read_settings

from .output import Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.options import ScanOptions
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.paths import CheckpointFile


@dataclass(slots=True)
class Session:
    """One run of one command."""

    output: Output
    settings: Settings
    roots: tuple[Path, ...]
    sidecar_dir: Path | None = None
    unreadable: list[ReadError] = field(default_factory=list)
    """Folders that could not be listed; each was said when it was met."""

    def layout(self, root: Path) -> Layout:
        """Return where things lie below one PATH; a mirror does not depend on which one it is."""
        base = root if root.is_dir() else root.parent
        if self.sidecar_dir:
            return Layout(self.settings.patterns, self.sidecar_dir, base, Path())
        return Layout(self.settings.patterns, self.settings.sidecar_dir, base, self._settings_dir)

    @property
    def _settings_dir(self) -> Path:
        """Return the folder of the settings file, as a user in it would write it."""
        folder = self.settings.file.parent if self.settings.file else Path()
        return Path() if folder.absolute() == Path.cwd() else folder

    def checkpoints(self) -> Iterator[CheckpointFile]:
        """Yield each checkpoint below the PATHs once.

        Raises:
            ReadError: if a PATH does not exist.
        """
        seen: set[Path] = set()
        for root in self.roots:
            for checkpoint in iter_checkpoints(root, self.layout(root), self.note):
                key = checkpoint.path.absolute()
                if key not in seen:
                    seen.add(key)
                    yield checkpoint

    def groups(
        self, *, use_index: bool = True, refresh: bool = False, whole: bool = False
    ) -> Iterator[Group]:
        """Yield the catalog's rows of each checkpoint below the PATHs, and of each orphan.

        With `whole` each has all its fields, else those that lists show.

        Raises:
            ReadError: if a PATH does not exist.
        """
        options = self._scan_options(use_index=use_index, refresh=refresh, whole=whole)
        groups = (group for root in self.roots for group in self._scan(root, options))
        yield from groups if len(self.roots) == 1 else _each_once(groups)

    def _scan_options(
        self, *, use_index: bool, refresh: bool = False, whole: bool = True
    ) -> ScanOptions:
        from checkpoint_meta.catalog.options import ScanOptions

        ours = self.settings
        return ScanOptions(
            ours.metrics,
            ours.precedence,
            ours.signatures,
            use_index=use_index,
            refresh=refresh,
            whole=whole,
        )

    def row(self, path: Path, *, use_index: bool = True) -> Row:
        """Return the row of one checkpoint.

        Raises:
            ReadError: if there is none.
        """
        for group in self._scan(path, self._scan_options(use_index=use_index)):
            for row in group:
                if Path(row.path) == path:
                    return row
        raise ReadError(path, "not a checkpoint")

    def _scan(self, root: Path, options: ScanOptions) -> Iterator[Group]:
        from checkpoint_meta.catalog.scan import scan_groups

        return scan_groups(root, self.layout(root), options, self.note)

    def note(self, error: ReadError) -> None:
        """Say that a folder could not be listed, and remember it."""
        self.unreadable.append(error)
        self.output.warn(str(error))

    def say_empty(self, *, is_fault: bool = False) -> None:
        """Say that there is no checkpoint where one was looked for; a fault is never silent."""
        places = ", ".join(printable(str(root)) for root in self.roots)
        say = self.output.warn if is_fault else self.output.say
        say(f"{places}: no checkpoint found")


def _each_once(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield each row once, also where one PATH lies below another."""
    from checkpoint_meta.catalog.group import ReadGroup

    seen: set[str] = set()
    for group in groups:
        rows: list[Row] = []
        for row in group:
            key = str(Path(row.path).absolute())
            if key not in seen:
                seen.add(key)
                rows.append(row)
        if rows:
            yield ReadGroup(rows)


def start(
    paths: Sequence[Path] | None,
    output: Output,
    *,
    config: Path | None = None,
    isolated: bool = False,
    sidecar_dir: Path | None = None,
) -> Session:
    """Return the session of a command.

    Raises:
        ReadError: if a PATH does not exist, or `sidecar_dir` is a file.
        SettingError: if the settings say something that cannot be meant.
    """
    roots = tuple(paths or (Path(),))
    for root in roots:
        must_exist(root)
    if config:
        settings = read_settings(config)
    else:
        settings = Settings() if isolated else find_settings(Path.cwd())
    if sidecar_dir and sidecar_dir.exists() and not sidecar_dir.is_dir():
        raise ReadError(sidecar_dir, "--sidecar-dir names a file, not a folder")
    return Session(output, settings, roots, sidecar_dir)


def must_exist(root: Path) -> None:
    """Refuse a PATH that is not there.

    Raises:
        ReadError: if it is not.
    """
    try:
        root.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise ReadError(root, "no such file or folder") from None
    except OSError as error:
        raise ReadError(root, f"cannot be reached ({error.strerror})") from error
