"""Sidecars for checkpoints that no Trainer writes: Lightning Fabric, and loops of one's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.training.describe import Options, describe
from checkpoint_meta.training.environment import environment_claims
from checkpoint_meta.training.loggers import wandb_claims
from checkpoint_meta.training.model import class_claims, class_name, model_claims
from checkpoint_meta.training.places import WRITING, place_of
from checkpoint_meta.training.plain import plain_hyperparameters
from checkpoint_meta.training.snapshot import TrainerSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue


@dataclass(frozen=True, slots=True)
class Facts:
    """What a training loop knows of a checkpoint that it has written; `None` for what it does not.

    Metrics are those of this very step, by the names that they are logged under.
    """

    epoch: int | None = None
    """From 0, as Lightning numbers them."""

    global_step: int | None = None
    """Optimizer steps so far."""

    max_epochs: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    monitor: str | None = None
    """The logged name by which checkpoints are chosen."""

    mode: str | None = None
    """`min` or `max`."""

    best: bool | None = None
    """No other checkpoint of the run has a better score; for loops that correct older sidecars."""

    model: object = None
    """The module: its class, components and size are recorded."""

    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    weights_only: bool | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    """Fields of your own."""


def write_sidecar(
    checkpoint: str | os.PathLike[str], facts: Facts, options: Options | None = None
) -> None:
    """Write the sidecar of a checkpoint, once the checkpoint is written; on one rank only.

    Raises:
        ReadError: if there is no checkpoint.
        WriteError: if the folder refuses.
        DocumentError: if schema 1.0 is asked for, and demands what `facts` do not tell.
    """
    chosen = options or Options()
    path = os.fspath(checkpoint)
    place = place_of(path, chosen.layout)
    with WRITING:
        found = place.facts()
        if found is None:
            raise ReadError(Path(path), "no such checkpoint; write its sidecar after it")
        place.write(describe(_snapshot(path, facts, chosen), place, found, chosen))


def _snapshot(path: str, facts: Facts, options: Options) -> TrainerSnapshot:
    values = {
        **_known(facts),
        **name_metrics(facts.metrics, options.metrics).values,
        **environment_claims(),
        **wandb_claims(),
    }
    if facts.hyperparameters:
        values["hyperparameters",] = plain_hyperparameters(facts.hyperparameters)
    weak: dict[FieldPath, JSONValue] = {}
    if facts.model is not None:
        state_dict: object = getattr(facts.model, "state_dict", dict)()
        values |= model_claims(facts.model, state_dict)
        weak = class_claims(facts.model)
    values |= flatten(plain_hyperparameters(facts.extra))
    return TrainerSnapshot(
        path,
        values,
        weights_only=facts.weights_only,
        weak_values=weak,
        model_class="" if facts.model is None else class_name(facts.model),
    )


def _known(facts: Facts) -> dict[FieldPath, JSONValue]:
    values: dict[FieldPath, JSONValue] = {
        ("training", "epoch"): facts.epoch,
        ("training", "global_step"): facts.global_step,
        ("training", "max_epochs"): facts.max_epochs,
        ("checkpointing", "monitor"): facts.monitor,
        ("checkpointing", "mode"): facts.mode,
        ("checkpointing", "score"): facts.metrics.get(facts.monitor or ""),
        ("checkpointing", "best"): facts.best,
    }
    return {path: value for path, value in values.items() if value is not None}
