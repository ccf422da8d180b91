"""Where a checkpoint stands among those that its ModelCheckpoint keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from checkpoint_meta.training.interface import ModelCheckpointLike, model_checkpoints, to_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.training.interface import TrainerLike


@dataclass(frozen=True, slots=True)
class Mark:
    """What moves when a better checkpoint comes."""

    rank: int | None
    """Among the kept ones, from 1; `None` where all are kept, since each new one would move it."""

    best: bool


def find_owner(path: str, trainer: TrainerLike) -> ModelCheckpointLike | None:
    """Return the ModelCheckpoint whose checkpoint this is.

    The one that names this very path, else the only one whose folder it lies in: a save on an
    exception is in nobody's list.
    """
    owners = model_checkpoints(trainer)
    for owner in owners:
        if path in {*owner.best_k_models, owner.best_model_path, owner.last_model_path}:
            return owner
    folder = str(PurePath(path).parent)
    neighbours = [owner for owner in owners if str(owner.dirpath) == folder]
    return neighbours[0] if len(neighbours) == 1 else None


def standing_of(
    path: str, owner: ModelCheckpointLike, metrics: Mapping[str, float]
) -> dict[FieldPath, JSONValue]:
    """Return the claims about `checkpointing`."""
    values: dict[str, JSONValue] = {
        "monitor": owner.monitor,
        "mode": owner.mode,
        "score": _score(path, owner, metrics),
        "save_top_k": owner.save_top_k,
        "save_last": owner.save_last if owner.save_last == "link" else bool(owner.save_last),
    }
    mark = marks_of(owner).get(path)
    if mark is not None:
        values |= {"rank": mark.rank, "best": mark.best}
    elif owner.monitor is not None:
        values["best"] = False
    return {("checkpointing", key): value for key, value in values.items() if value is not None}


def marks_of(owner: ModelCheckpointLike) -> dict[str, Mark]:
    """Return the mark of each checkpoint that is kept for its score."""
    if owner.save_top_k <= 0:
        return {path: Mark(None, path == owner.best_model_path) for path in owner.best_k_models}
    return {
        path: Mark(place, path == owner.best_model_path)
        for place, path in enumerate(_ranked(owner), start=1)
    }


def _ranked(owner: ModelCheckpointLike) -> Sequence[str]:
    scores = {path: to_number(score) or 0.0 for path, score in owner.best_k_models.items()}
    # A stable sort of the order of saving: of two equal ones the earlier is the better.
    return sorted(scores, key=lambda path: scores[path] * (-1 if owner.mode == "max" else 1))


def _score(path: str, owner: ModelCheckpointLike, metrics: Mapping[str, float]) -> float | None:
    """Return the monitored metric of this checkpoint; Lightning turns a NaN into infinity."""
    if owner.monitor is None:
        return None
    kept = owner.best_k_models.get(path)
    # Not `current_score`: for `last.ckpt` it is another checkpoint's up to Lightning 2.5.
    score = metrics.get(owner.monitor) if kept is None else to_number(kept)
    return score if score is not None and math.isfinite(score) else None
