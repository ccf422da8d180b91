"""The names by which people ask for fields: whole, shortened, or as a metric was logged. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import QueryError
from checkpoint_meta.evidence import show_field
from checkpoint_meta.schema.fields import look_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

OTHER_METRICS: Final[FieldPath] = ("metrics", "additional_metrics")

HYPERPARAMETERS: Final[FieldPath] = ("hyperparameters",)

ROW_FIELDS: Final = ("path", "run", "status", "size", "age")
"""What a row of the catalog has beside its sidecar's fields: size in bytes, age in days."""

_NAMES: Final = """
    schema_version checkpoint_path exp_name created_at hydra_config_path hydra_overrides
    wandb_run_id loggers pinned hyperparameters
    checkpoint.format checkpoint.size_bytes checkpoint.mtime_ns checkpoint.fingerprint
    checkpoint.sha256 checkpoint.weights_only
    training.epoch training.global_step training.training_phase training.max_epochs
    model.class model.architecture
    model.encoder.model_name model.encoder.pretrained model.encoder.frozen
    model.decoder.name model.decoder.in_channels model.decoder.inner_channels
    model.decoder.output_channels model.decoder.params
    model.head.name model.head.in_channels model.head.params model.loss.name model.loss.params
    model.parameters.count model.parameters.bytes model.parameters.dtypes
    metrics.precision metrics.recall metrics.hmean metrics.validation_loss
    metrics.additional_metrics
    last_validation.epoch last_validation.global_step last_validation.metrics
    saved_in.stage saved_in.sanity_checking saved_in.last_batch
    checkpointing.monitor checkpointing.mode checkpointing.score checkpointing.rank
    checkpointing.best checkpointing.save_top_k checkpointing.save_last
    wandb.entity wandb.project wandb.run_id wandb.url
    environment.lightning environment.torch environment.python environment.git_commit
    environment.git_dirty
    written_by.tool written_by.version written_by.how written_by.seen
    provenance upgraded_from loggers
"""

FIELDS: Final[tuple[FieldPath, ...]] = tuple(tuple(name.split(".")) for name in _NAMES.split())
"""Every field of a 2.0 sidecar."""

SHORT: Final[dict[str, FieldPath]] = {
    "epoch": ("training", "epoch"),
    "global_step": ("training", "global_step"),
    "step": ("training", "global_step"),
    "encoder": ("model", "encoder", "model_name"),
    "backbone": ("model", "encoder", "model_name"),
    "decoder": ("model", "decoder", "name"),
    "head": ("model", "head", "name"),
}
"""Short names that are more than the end of one field's name."""

_PLACES: Final = {field: place for place, field in enumerate(FIELDS)}

_BLOCKS: Final = frozenset(field[0] for field in FIELDS)


@lru_cache(maxsize=1024)
def in_order(fields: tuple[FieldPath, ...]) -> tuple[FieldPath, ...]:
    """Return the fields in one order, wherever they were read: that of `FIELDS`, then by name."""
    return tuple(sorted(fields, key=lambda field: (_place(field), field)))


def _place(field: FieldPath) -> int:
    places = (_PLACES.get(field[:length]) for length in range(len(field), 0, -1))
    known = next((place for place in places if place is not None), None)
    if known is not None:
        return known
    near = (place for other, place in _PLACES.items() if other[0] == field[0])
    return max(near, default=len(FIELDS))


@dataclass(frozen=True, slots=True)
class Field:
    """A name in a query, and the fields that it may mean."""

    name: str
    paths: tuple[FieldPath, ...]
    """The first of these that a row has is meant."""

    def value(self, row: Mapping[FieldPath, JSONValue]) -> JSONValue:
        """Return the row's value, `None` where it has none."""
        for path in self.paths:
            found = value_at(row, path)
            if found is not None:
                return found
        return None


def known_fields(name: str) -> tuple[FieldPath, ...]:
    """Return the fields of the schema that `name` is the end of; several are ambiguous."""
    path = tuple(name.split("."))
    if name in ROW_FIELDS or path in FIELDS:
        return (path,)
    if name in SHORT:
        return (SHORT[name],)
    if path[0] in _BLOCKS:
        return ()
    return tuple(field for field in FIELDS if field[-len(path) :] == path)


def ambiguity(name: str) -> str | None:
    """Return the sentence that tells the fields between which `name` leaves the choice."""
    known = known_fields(name)
    return f"{name!r} is ambiguous: {', '.join(map(show_field, known))}" if len(known) > 1 else None


def asked_field(name: str) -> Field:
    """Return the field that a person asks for.

    Raises:
        QueryError: if there are several.
    """
    if reason := ambiguity(name):
        raise QueryError(name, 0, reason)
    return find_field(name)


def find_field(name: str) -> Field:
    """Return the field that `name` means, by the first of its meanings.

    A name that the schema does not know is a field that a person added, a metric under its logged
    name, or a hyper-parameter.
    """
    known = known_fields(name)
    if known:
        return Field(name, known[:1])
    path = tuple(name.split("."))
    if path[0] == "metrics" and len(path) > 1:
        return Field(name, (path, (*OTHER_METRICS, ".".join(path[1:]))))
    if path[0] in _BLOCKS:
        return Field(name, (path,))
    return Field(name, (path, (*OTHER_METRICS, name), (*HYPERPARAMETERS, *path)))


def value_at(row: Mapping[FieldPath, JSONValue], path: FieldPath) -> JSONValue:
    """Return the value at `path`, also where it lies inside a field that is kept whole.

    A key may hold dots itself, as `val/f1.macro` among the metrics does.
    """
    value = row.get(path)
    if value is not None or path in row:
        return value
    for length in range(len(path) - 1, 0, -1):
        block, inner = path[:length], path[length:]
        joined = ".".join(inner)
        if (*block, joined) in row:
            return row[*block, joined]
        value = row.get(block)
        if isinstance(value, dict):
            return value[joined] if joined in value else look_up(value, inner)
    return None
