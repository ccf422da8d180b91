"""Keeps the sidecars in step with the checkpoints that a Trainer writes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import CheckpointMetaError
from checkpoint_meta.paths import TEMPORARY_PREFIXES
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.training.describe import Options, describe
from checkpoint_meta.training.faults import Faults, logger
from checkpoint_meta.training.loggers import logger_claims
from checkpoint_meta.training.places import WRITING, LocalPlace, Place, place_of
from checkpoint_meta.training.plain import plain_hyperparameters
from checkpoint_meta.training.snapshot import TrainerSnapshot, moment_of, take_snapshot
from checkpoint_meta.training.taps import wrapped_io
from checkpoint_meta.training.tracker import MetricTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.training.interface import TrainerLike
    from checkpoint_meta.training.standing import Mark

WRITE: Final = "writing a sidecar"


class Recorder:
    """Hears of each save and removal, and writes or removes the sidecar."""

    def __init__(self, options: Options) -> None:
        self.options: Final = options
        self.faults: Final = Faults(options.strict)
        self.tracker: Final = MetricTracker()
        self._pending: Final[dict[str, list[TrainerSnapshot]]] = {}
        self._marks: Final[dict[str, Mark]] = {}
        """The marks as the sidecars have them, by the checkpoints' paths."""

    def about_to_save(
        self, trainer: TrainerLike, checkpoint: Mapping[str, object], path: str
    ) -> None:
        """Take a snapshot, before the strategy takes the checkpoint apart."""
        if _is_temporary(path):
            return
        with self.faults.training_goes_on("reading the metrics"):
            # On all ranks, since it may run collectives.
            self.tracker.observe(trainer)
        if trainer.is_global_zero:
            with self.faults.training_goes_on(WRITE):
                snapshot = self._take(trainer, checkpoint, path)
                self._pending.setdefault(path, []).append(snapshot)

    def was_saved(self, trainer: TrainerLike, path: str) -> None:
        """Write the sidecar, unless the file itself is still to be written."""
        with self.faults.training_goes_on(WRITE):
            waiting = self._pending.get(path)
            if not waiting:
                return
            is_queued = wrapped_io(trainer.strategy) is not None
            if not is_queued or os.path.isdir(path):  # noqa: PTH112 - a URL is no Path
                self._commit(waiting.pop())

    def was_written(self, checkpoint: Mapping[str, object], path: str) -> None:
        """Write the sidecar of a file that an asynchronous CheckpointIO has written."""
        with self.faults.training_goes_on(WRITE):
            waiting = self._pending.get(path, [])
            moment = moment_of(checkpoint)
            while waiting:
                snapshot = waiting.pop(0)
                # One that was queued earlier, and is not this one, was never written.
                if snapshot.moment == moment:
                    self._commit(snapshot)
                    return

    def was_not_saved(self, path: str) -> None:
        """Forget the newest snapshot of this path."""
        waiting = self._pending.get(path)
        if waiting:
            waiting.pop()

    def was_removed(self, trainer: TrainerLike, path: str) -> None:
        """Remove the sidecar, if its checkpoint is really gone."""
        if _is_temporary(path) or not trainer.is_global_zero:
            return
        with self.faults.training_goes_on("removing a sidecar"), WRITING:
            place = self._place(path)
            if place.is_gone():
                place.remove()
                self._marks.pop(path, None)

    def was_linked(self, trainer: TrainerLike, target: str, link: str) -> None:
        """Link the sidecar as the checkpoint is linked; copy it where that was copied."""
        if not trainer.is_global_zero or target == link:
            return
        with self.faults.training_goes_on("linking a sidecar"), WRITING:
            here, there = self._place(link), self._place(target)
            if isinstance(here, LocalPlace) and isinstance(there, LocalPlace):
                here.follow(there)

    def _take(
        self, trainer: TrainerLike, checkpoint: Mapping[str, object], path: str
    ) -> TrainerSnapshot:
        measured = self.tracker.measured_at(trainer.global_step)
        snapshot = take_snapshot(trainer, checkpoint, path, measured, self.options.metrics)
        for note in snapshot.notes:
            logger.info("%s: %s", PurePath(path).name, note)
        local = self._place(path).local
        folder = None if local is None else local.sidecar.parent
        runs = logger_claims(trainer.loggers, folder)
        return replace(snapshot, values={**snapshot.values, **runs, **self._extra(trainer)})

    def _extra(self, trainer: TrainerLike) -> dict[FieldPath, JSONValue]:
        extra = self.options.extra
        own = extra(trainer) if callable(extra) else extra
        return flatten(plain_hyperparameters(own)) if own else {}

    def _place(self, path: str) -> Place:
        return place_of(path, self.options.layout)

    def _commit(self, snapshot: TrainerSnapshot) -> None:
        with WRITING:
            place = self._place(snapshot.path)
            facts = place.facts()
            if facts is None:
                return
            place.write(describe(snapshot, place, facts, self.options))
            if snapshot.path in snapshot.marks:
                self._marks[snapshot.path] = snapshot.marks[snapshot.path]
            self._move_marks(snapshot)

    def _move_marks(self, snapshot: TrainerSnapshot) -> None:
        """Tell the other sidecars of the same ModelCheckpoint where they stand now."""
        for path, mark in snapshot.marks.items():
            if self._marks.get(path) != mark:
                _mark(self._place(path), mark)
                self._marks[path] = mark


def _mark(place: Place, mark: Mark) -> None:
    try:
        document = place.read()
    except CheckpointMetaError:
        return
    block = document.get("checkpointing") if document is not None else None
    if document is None or not isinstance(block, dict):
        return
    moved: dict[str, JSONValue] = {**block, "rank": mark.rank, "best": mark.best}
    kept: dict[str, JSONValue] = {key: value for key, value in moved.items() if value is not None}
    if kept != block:
        place.write({**document, "checkpointing": kept})


def _is_temporary(path: str) -> bool:
    return PurePath(path).name.startswith(TEMPORARY_PREFIXES)
