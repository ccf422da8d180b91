"""How a catalog is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkpoint_meta.resolve import PRECEDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.memory import Memory


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How to read what is found."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> the name that the user's metric is logged by."""

    precedence: Sequence[str] = PRECEDENCE
    """The sources, the most trusted first."""

    signatures: Path | None = None
    """Rules of the user's own that tell a model's parts."""

    complete: bool = False
    """Ask the other sources for what a sidecar leaves open."""

    whole: bool = True
    """Every field; else only those that lists show, which takes much less memory."""

    sidecars: bool = True
    """Believe sidecars; else facts come from the checkpoints themselves."""

    allows_wandb: bool = False
    """Ask W&B's servers too."""

    use_index: bool = False
    refresh: bool = False
    """Read everything anew into the index."""

    memory: Memory | None = None
    """Rows that this process has read before."""

    jobs: int | None = None
    """Processes; by default the number of processors."""

    @property
    def is_kept(self) -> bool:
        """Tell whether what is read is kept for the next time, and in all its fields."""
        return (self.use_index or self.memory is not None) and not self.allows_wandb
