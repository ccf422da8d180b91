"""The parts of Lightning's objects that we touch, whichever package and version they are of."""

# ruff: noqa: D102 - the names are Lightning's own, and documented there

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

SaveFunction: TypeAlias = Callable[..., object]
"""`save_checkpoint(checkpoint, path, ...)` of a strategy or a CheckpointIO."""

RemoveFunction: TypeAlias = Callable[..., object]
"""`remove_checkpoint(path)` of a strategy or a CheckpointIO."""


class SavesCheckpoints(Protocol):
    """A strategy, or a CheckpointIO."""

    @property
    def save_checkpoint(self) -> SaveFunction: ...
    @property
    def remove_checkpoint(self) -> RemoveFunction: ...


class TrainerState(Protocol):
    """What the Trainer is asked to do."""

    @property
    def fn(self) -> object: ...


class TrainerLike(Protocol):
    """A Trainer; reading its `callback_metrics` may run collectives: on all ranks or on none."""

    @property
    def callback_metrics(self) -> Mapping[str, object]: ...
    @property
    def current_epoch(self) -> int: ...
    @property
    def global_step(self) -> int: ...
    @property
    def is_global_zero(self) -> bool: ...
    @property
    def is_last_batch(self) -> bool: ...
    @property
    def lightning_module(self) -> object: ...
    @property
    def loggers(self) -> Sequence[object]: ...
    @property
    def max_epochs(self) -> int | None: ...
    @property
    def sanity_checking(self) -> bool: ...
    @property
    def state(self) -> TrainerState: ...
    @property
    def strategy(self) -> SavesCheckpoints: ...
    @property
    def validating(self) -> bool: ...


@runtime_checkable
class ModelCheckpointLike(Protocol):
    """A ModelCheckpoint, or a subclass of somebody's own; told by what it has."""

    monitor: str | None
    mode: str
    save_top_k: int
    save_last: object
    dirpath: object
    best_k_models: Mapping[str, object]
    best_model_path: str
    last_model_path: str


def model_checkpoints(trainer: TrainerLike) -> list[ModelCheckpointLike]:
    """Return the Trainer's ModelCheckpoints, in their order."""
    callbacks: Sequence[object] = getattr(trainer, "callbacks", ())
    return [one for one in callbacks if isinstance(one, ModelCheckpointLike)]


def to_number(value: object) -> float | None:
    """Return a logged value, mostly a tensor of one element, as a number; `None` if it is none."""
    if isinstance(value, (int, float)):
        return float(value)
    item = getattr(value, "item", None)
    if not callable(item) or getattr(value, "numel", lambda: 1)() != 1:
        return None
    return float(item())


def address_of(tensor: object) -> int:
    """Return where a tensor lies; 0 for what is no tensor, or does not tell, as on a TPU."""
    data_ptr = getattr(tensor, "data_ptr", None)
    try:
        return int(data_ptr()) if callable(data_ptr) else 0
    except RuntimeError:
        return 0
