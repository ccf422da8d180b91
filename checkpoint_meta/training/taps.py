"""Wrappers around the functions by which Lightning writes, links and removes checkpoints.

Objects, not closures: they survive the pickling and copying of the Trainer that they sit in. They
are never taken off again, since Lightning still removes files, and users save, after `teardown`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from checkpoint_meta.training.interface import (
        ModelCheckpointLike,
        SavesCheckpoints,
        TrainerLike,
    )

Original: TypeAlias = Callable[..., object]


class Listener(Protocol):
    """What is told of each save; none of its methods raises."""

    def about_to_save(
        self, trainer: TrainerLike, checkpoint: Mapping[str, object], path: str
    ) -> None:
        """Take note of the checkpoint; called on all ranks."""
        ...

    def was_saved(self, trainer: TrainerLike, path: str) -> None:
        """Hear that the strategy has returned."""
        ...

    def was_written(self, checkpoint: Mapping[str, object], path: str) -> None:
        """Hear that the file is written; perhaps in another thread, and much later."""
        ...

    def was_not_saved(self, path: str) -> None:
        """Hear that the save was broken off."""
        ...

    def was_removed(self, trainer: TrainerLike, path: str) -> None:
        """Hear that a checkpoint was removed, or that somebody tried."""
        ...

    def was_linked(self, trainer: TrainerLike, target: str, link: str) -> None:
        """Hear that `link` was made to stand for `target`."""
        ...


@dataclass(slots=True)
class SaveTap:
    """In place of a strategy's `save_checkpoint`."""

    listener: Listener
    trainer: TrainerLike
    original: Original

    def __call__(
        self,
        checkpoint: Mapping[str, object],
        filepath: str | os.PathLike[str],
        *args: object,
        **kwargs: object,
    ) -> object:
        """Save as before; look before it, since sharded strategies empty the checkpoint."""
        path = os.fspath(filepath)
        self.listener.about_to_save(self.trainer, checkpoint, path)
        returned = False
        try:
            result = self.original(checkpoint, filepath, *args, **kwargs)
            returned = True
        finally:
            if not returned:
                self.listener.was_not_saved(path)
        self.listener.was_saved(self.trainer, path)
        return result


@dataclass(slots=True)
class RemoveTap:
    """In place of a strategy's `remove_checkpoint`."""

    listener: Listener
    trainer: TrainerLike
    original: Original

    def __call__(self, filepath: str | os.PathLike[str], *args: object, **kwargs: object) -> object:
        """Remove as before, then tell."""
        result = self.original(filepath, *args, **kwargs)
        self.listener.was_removed(self.trainer, os.fspath(filepath))
        return result


@dataclass(slots=True)
class WriteTap:
    """In place of the innermost CheckpointIO's `save_checkpoint`, where another one wraps it."""

    listener: Listener
    original: Original

    def __call__(
        self,
        checkpoint: Mapping[str, object],
        path: str | os.PathLike[str],
        *args: object,
        **kwargs: object,
    ) -> object:
        """Write as before, then tell."""
        result = self.original(checkpoint, path, *args, **kwargs)
        self.listener.was_written(checkpoint, os.fspath(path))
        return result


@dataclass(slots=True)
class LinkTap:
    """In place of a ModelCheckpoint's `_link_checkpoint`."""

    listener: Listener
    original: Original

    def __call__(self, trainer: TrainerLike, filepath: str, linkpath: str) -> object:
        """Link as before, then tell."""
        result = self.original(trainer, filepath, linkpath)
        self.listener.was_linked(trainer, filepath, linkpath)
        return result


def tap_strategy(listener: Listener, trainer: TrainerLike) -> None:
    """Listen to every save and removal of the Trainer's strategy; once is enough, twice is once."""
    strategy = trainer.strategy
    if not _is_tapped(strategy.save_checkpoint, listener):
        save = SaveTap(listener, trainer, strategy.save_checkpoint)
        remove = RemoveTap(listener, trainer, strategy.remove_checkpoint)
        # On the instance: its class is everybody's.
        vars(strategy).update(save_checkpoint=save, remove_checkpoint=remove)
    inner = wrapped_io(strategy)
    if inner is not None and not _is_tapped(inner.save_checkpoint, listener):
        vars(inner)["save_checkpoint"] = WriteTap(listener, inner.save_checkpoint)


def tap_links(listener: Listener, owner: ModelCheckpointLike) -> None:
    """Listen to a ModelCheckpoint's links, which pass the strategy by."""
    link: Original | None = getattr(owner, "_link_checkpoint", None)
    if link is not None and not _is_tapped(link, listener):
        vars(owner)["_link_checkpoint"] = LinkTap(listener, link)


def wrapped_io(strategy: SavesCheckpoints) -> SavesCheckpoints | None:
    """Return the CheckpointIO that really writes, where others, such as an async one, wrap it."""
    outer = getattr(strategy, "checkpoint_io", None)
    inner = getattr(outer, "checkpoint_io", None)
    while (deeper := getattr(inner, "checkpoint_io", None)) is not None:
        inner = deeper
    return inner


def _is_tapped(function: Original, listener: Listener) -> bool:
    """Tell whether `listener` sits in this chain of wrappers already."""
    layer: object = function
    while isinstance(layer, (SaveTap, RemoveTap, WriteTap, LinkTap)):
        if layer.listener is listener:
            return True
        layer = layer.original
    return False
