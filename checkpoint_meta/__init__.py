"""Every PyTorch Lightning checkpoint explains itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoint_meta.training.callback import MetadataCallback

__all__ = ["MetadataCallback"]


def __getattr__(name: str) -> object:
    """Import the callback only when it is asked for: it needs Lightning, and nothing else does."""
    if name == "MetadataCallback":
        from checkpoint_meta.training.callback import MetadataCallback

        return MetadataCallback
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
