"""Which stores a scan has: the memory of this process, the index on disk, or none."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoint_meta.catalog.kept import Store
    from checkpoint_meta.catalog.options import ScanOptions
    from checkpoint_meta.paths import Layout


def open_stores(layout: Layout, options: ScanOptions) -> list[Store]:
    """Return the stores in the order in which they are asked."""
    mirror = os.path.abspath(layout.sidecar_dir) if layout.sidecar_dir else None
    base = os.path.abspath(layout.base) if layout.sidecar_dir else None
    aliases = sorted(options.aliases.items())
    settings = json.dumps(
        [
            aliases,
            layout.patterns,
            mirror,
            base,
            options.complete,
            options.sidecars,
            [*options.precedence],
            _signatures(options),
        ]
    )
    stores: list[Store] = []
    if options.allows_wandb:
        # No file tells when a server says something else; its answers have a cache of their own.
        return stores
    if options.memory is not None:
        from checkpoint_meta.catalog.memory import MemoryStore

        stores.append(MemoryStore(options.memory, settings))
    if options.use_index:
        # Imported here: nobody pays for SQLite who does not use it.
        from checkpoint_meta.catalog.database import Database, index_file
        from checkpoint_meta.catalog.index import Index

        whole = options.whole or options.memory is not None
        stores.append(Index(Database(index_file()), settings, whole=whole))
    return stores


def _signatures(options: ScanOptions) -> str | None:
    """Return the mark of a user's own rules."""
    if options.signatures is None:
        return None
    from checkpoint_meta.sources.marks import mark_of

    return mark_of([options.signatures])
