"""What the Trainer knows of a checkpoint at the moment of the save, as numbers and strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.training.environment import environment_claims
from checkpoint_meta.training.model import class_claims, class_name, model_claims
from checkpoint_meta.training.plain import plain_hyperparameters
from checkpoint_meta.training.standing import Mark, find_owner, marks_of, standing_of

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.training.interface import TrainerLike
    from checkpoint_meta.training.tracker import Measured


@dataclass(frozen=True, slots=True)
class TrainerSnapshot:
    """Claims about one checkpoint, taken before it is written."""

    path: str
    values: Mapping[FieldPath, JSONValue]
    notes: tuple[str, ...] = ()
    weights_only: bool | None = None
    weak_values: Mapping[FieldPath, JSONValue] = field(default_factory=dict)
    """Claims that any other source outranks: the names of classes."""

    model_class: str = ""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """The marks of all that the same ModelCheckpoint keeps, by their paths."""

    @property
    def moment(self) -> tuple[JSONValue, JSONValue]:
        """Return the epoch and the step, which tell two saves to one path apart."""
        return self.values.get(("training", "epoch")), self.values.get(("training", "global_step"))


def take_snapshot(
    trainer: TrainerLike,
    checkpoint: Mapping[str, object],
    path: str,
    measured: Measured,
    aliases: Mapping[str, str] | None = None,
) -> TrainerSnapshot:
    """Return what the Trainer knows of the checkpoint that it is about to write to `path`.

    Runs no collective and changes nothing; on one rank is enough.
    """
    named = name_metrics(measured.metrics, aliases)
    owner = find_owner(path, trainer)
    values: dict[FieldPath, JSONValue] = {
        **_training(trainer, checkpoint),
        **model_claims(trainer.lightning_module, checkpoint.get("state_dict")),
        **named.values,
        **_saved_in(trainer),
        **environment_claims(),
    }
    if measured.last_validation is not None:
        last = measured.last_validation
        values["last_validation",] = {
            "epoch": last.epoch,
            "global_step": last.global_step,
            "metrics": dict(last.metrics),
        }
    if owner is not None:
        values |= standing_of(path, owner, measured.metrics)
    hyperparameters = checkpoint.get("hyper_parameters")
    if isinstance(hyperparameters, Mapping):
        values["hyperparameters",] = plain_hyperparameters(hyperparameters)
    return TrainerSnapshot(
        path,
        values,
        named.notes,
        weights_only="optimizer_states" not in checkpoint,
        weak_values=class_claims(trainer.lightning_module),
        model_class=class_name(trainer.lightning_module),
        marks={} if owner is None else marks_of(owner),
    )


def moment_of(checkpoint: Mapping[str, object]) -> tuple[JSONValue, JSONValue]:
    """Return the epoch and the step that stand in a checkpoint."""
    return _whole(checkpoint.get("epoch")), _whole(checkpoint.get("global_step"))


def _training(trainer: TrainerLike, checkpoint: Mapping[str, object]) -> dict[FieldPath, JSONValue]:
    epoch, step = moment_of(checkpoint)
    limit = trainer.max_epochs
    values = {
        "epoch": epoch,
        "global_step": step,
        "max_epochs": limit if limit is not None and limit > 0 else None,
    }
    return {("training", key): value for key, value in values.items() if value is not None}


def _saved_in(trainer: TrainerLike) -> dict[FieldPath, JSONValue]:
    stage = trainer.state.fn
    values: dict[str, JSONValue] = {
        "stage": None if stage is None else str(getattr(stage, "value", stage)),
        "sanity_checking": bool(trainer.sanity_checking),
        "last_batch": bool(trainer.is_last_batch),
    }
    return {("saved_in", key): value for key, value in values.items() if value is not None}


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None
