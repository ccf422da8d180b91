"""What a row was read from beside its checkpoint and sidecar: once any of it changes, so may it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from checkpoint_meta.catalog.marks import state_of
from checkpoint_meta.catalog.row import Watched
from checkpoint_meta.sources.config_files import HPARAMS, configurations_beside
from checkpoint_meta.sources.hydra import FILES
from checkpoint_meta.sources.run_logs import find_logs, log_folders, wandb_folders_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from checkpoint_meta.paths import CheckpointFile


def watched_places(checkpoint: CheckpointFile, locations: Iterable[str]) -> tuple[Watched, ...]:
    """Return the state of everything whose change may change what the sources say.

    `locations` are those of the provenance, relative to the sidecar's own folder.
    """
    folder = checkpoint.sidecar.parent
    named = {
        os.path.normpath(folder / location)
        for location in locations
        if location and "#" not in location and "://" not in location
    }
    # A link's own sidecar may be missing: then its target's counts, or the lack of it.
    places = {*named, *_run_places(checkpoint), str(checkpoint.sidecar)} - {str(checkpoint.path)}
    return tuple(Watched(place, state_of(place)) for place in sorted(places))


def _run_places(checkpoint: CheckpointFile) -> Iterator[str]:
    """Yield the files of the run, and the folders in which one that counts may appear."""
    run = checkpoint.run_dir
    yield from map(str, {checkpoint.path.parent, checkpoint.sidecar.parent})
    yield from _marks_of_runs(checkpoint.path.parent.absolute(), run.absolute())
    # A file that claims nothing now may be written anew, which its folder does not tell.
    yield from filter(os.path.lexists, map(str, _files_asked(checkpoint)))
    yield from map(str, log_folders(run))
    # Of W&B's folders around the run only the folders: they may hold thousands of runs.
    yield from map(str, wandb_folders_around(run))
    for log in find_logs(run):
        yield from map(str, log.files)
        yield str(log.folder / HPARAMS)


def _marks_of_runs(folder: Path, run: Path) -> Iterator[str]:
    """Yield each `.hydra` that would make another folder the run of a checkpoint in `folder`."""
    for place in (folder, *folder.parents):
        yield str(place / ".hydra")
        if place == run and (place / ".hydra").is_dir():
            break


def _files_asked(checkpoint: CheckpointFile) -> Iterator[Path]:
    yield from checkpoint.older_sidecars
    yield from configurations_beside(checkpoint)
    yield checkpoint.run_dir / HPARAMS
    yield from (checkpoint.run_dir / ".hydra" / name for name in FILES)
