"""How checkpoints are read for a catalog, and by which sources beside their sidecars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.options import ScanOptions
    from checkpoint_meta.paths import Layout
    from checkpoint_meta.sources.interface import Source


@dataclass(frozen=True)
class Reading:
    """What a process needs to know to read any of them."""

    layout: Layout
    aliases: Mapping[str, str]
    signatures: Path | None
    precedence: Sequence[str]
    allows_wandb: bool
    complete: bool
    """Ask the other sources for what a sidecar of ours leaves open; this opens the checkpoint."""

    sidecars: bool
    """Believe sidecars."""

    whole: bool
    """Every field is wanted."""

    @classmethod
    def of(cls, layout: Layout, options: ScanOptions) -> Reading:
        """Return what these options ask for; what is kept is kept whole."""
        return cls(
            layout,
            options.aliases,
            options.signatures,
            options.precedence,
            options.allows_wandb,
            options.complete,
            options.sidecars,
            options.whole or options.is_kept,
        )

    @cached_property
    def sources(self) -> Sequence[Source]:
        """Return the sources, which are imported only where one is asked."""
        from checkpoint_meta.sources.default import default_sources
        from checkpoint_meta.sources.sidecar import SidecarSource

        sources = default_sources(self.aliases, signatures=self.signatures)
        if self.allows_wandb:
            from checkpoint_meta.sources.wandb_api import WandbApiSource

            sources.append(WandbApiSource(self.aliases))
        if self.sidecars:
            return sources
        return [source for source in sources if source.name != SidecarSource.name]
