"""What a row was read from beside its checkpoint and sidecar: once any of it changes, so may it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.marks import state_of
from checkpoint_meta.catalog.row import Watched
from checkpoint_meta.sources.run_logs import find_logs, wandb_folders_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.paths import CheckpointFile

MOST_FOLDERS: Final = 200
"""Folders below a run that are watched for new logs."""


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
    """Yield the logs of the run, and the folders in which a log or a configuration may appear."""
    run = checkpoint.run_dir
    yield str(checkpoint.path.parent)
    yield str(run / ".hydra")
    for count, (folder, _, _) in enumerate(os.walk(run)):
        if count == MOST_FOLDERS:
            break
        yield folder
    # Of W&B's folders around the run only the folders: they may hold thousands of runs.
    yield from map(str, wandb_folders_around(run))
    for log in find_logs(run):
        yield from map(str, log.files)
