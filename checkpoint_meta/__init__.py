"""Every PyTorch Lightning checkpoint explains itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoint_meta.catalog.api import CheckpointCatalog, build_catalog, clear_global_cache
    from checkpoint_meta.catalog.entry import CheckpointCatalogEntry
    from checkpoint_meta.training.callback import MetadataCallback

__all__ = [
    "CheckpointCatalog",
    "CheckpointCatalogEntry",
    "MetadataCallback",
    "build_catalog",
    "clear_global_cache",
]

_MODULES = {
    "CheckpointCatalog": "checkpoint_meta.catalog.api",
    "CheckpointCatalogEntry": "checkpoint_meta.catalog.entry",
    "MetadataCallback": "checkpoint_meta.training.callback",
    "build_catalog": "checkpoint_meta.catalog.api",
    "clear_global_cache": "checkpoint_meta.catalog.api",
}


def __getattr__(name: str) -> object:
    """Import a public name only when it is asked for: the callback needs Lightning."""
    if name in _MODULES:
        found: object = getattr(import_module(_MODULES[name]), name)
        return found
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
