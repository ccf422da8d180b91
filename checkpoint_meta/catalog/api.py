"""The catalog for programs: what an inference UI calls for its drop-down."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.entry import CheckpointCatalogEntry, entry_of
from checkpoint_meta.catalog.memory import Memory
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.row import Status
from checkpoint_meta.catalog.scan import scan
from checkpoint_meta.paths import Layout
from checkpoint_meta.settings import find_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.settings import Settings

logger = logging.getLogger(__name__)

ROLL_OUT_VARIABLE: Final = "CHECKPOINT_CATALOG_USE_V2"
"""Set to 0, sidecars and the index are not used: every fact comes from the checkpoints."""

CONFIG_FILENAMES: Final = ("config.yaml", "hparams.yaml", "train.yaml", "predict.yaml")

_OFF: Final = frozenset({"0", "false", "no", "off"})

_memory: Final = Memory()

_said: Final[set[str]] = set()
"""What was said once, and is not said again."""


@dataclass(frozen=True, slots=True)
class CheckpointCatalog:
    """All checkpoints below a folder, best first."""

    outputs_dir: Path
    entries: list[CheckpointCatalogEntry] = field(default_factory=list)
    catalog_build_time_seconds: float = 0.0

    @property
    def total_count(self) -> int:
        """Return the number of checkpoints."""
        return len(self.entries)

    @property
    def metadata_available_count(self) -> int:
        """Return how many of them a sidecar describes."""
        return sum(entry.has_metadata for entry in self.entries)

    @property
    def metadata_coverage_percent(self) -> float:
        """Return the share of them that a sidecar describes, 0 to 100."""
        total = self.total_count
        return 100 * self.metadata_available_count / total if total else 0.0


def build_catalog(
    outputs_dir: str | os.PathLike[str],
    use_cache: bool = True,  # noqa: FBT001, FBT002 - as its users call it
    use_wandb_fallback: bool = False,  # noqa: FBT001, FBT002 - as its users call it
    config_filenames: Sequence[str] = CONFIG_FILENAMES,
) -> CheckpointCatalog:
    """Return every checkpoint below `outputs_dir` that can be read, by what is known of it.

    Facts come from sidecars, and from the other sources where a sidecar says nothing, in the
    order of `resolve`. `use_cache` keeps what did not change in memory and in the index.
    `use_wandb_fallback` allows questions to W&B's servers. `config_filenames` are looked for
    where no source names a configuration.

    Raises:
        ReadError: if `outputs_dir` does not exist.
        SettingError: if the project's settings say something that cannot be meant.
    """
    started = time.perf_counter()
    root = Path(outputs_dir)
    settings = find_settings(root if root.is_dir() else root.parent)
    rows = scan(
        root,
        Layout(settings.patterns, settings.sidecar_dir, root),
        _options(settings, use_cache=use_cache, use_wandb=use_wandb_fallback),
        lambda error: logger.warning("%s", error),
    )
    entries = [entry_of(row, config_filenames) for row in _usable(rows)]
    entries.sort(key=_best_first)
    return CheckpointCatalog(root, entries, time.perf_counter() - started)


def clear_global_cache() -> None:
    """Forget what this process remembers of checkpoints; the index on disk stays."""
    _memory.clear()


def _usable(rows: Iterable[Row]) -> list[Row]:
    """Return the checkpoints that can be loaded, each once; a link to one of them is no other."""
    usable: list[Row] = []
    for row in rows:
        if row.readable:
            usable.append(row)
        elif row.status is not Status.ORPHAN:
            logger.warning("%s is left out: %s", row.path, row.problem)
    own = {os.path.realpath(row.path) for row in usable if row.link is None}
    return [row for row in usable if row.link is None or os.path.realpath(row.path) not in own]


def _options(settings: Settings, *, use_cache: bool, use_wandb: bool) -> ScanOptions:
    believes = os.environ.get(ROLL_OUT_VARIABLE, "1").strip().lower() not in _OFF
    if not believes:
        _say_once(f"{ROLL_OUT_VARIABLE} is off: sidecars and the index are not used")
    return ScanOptions(
        settings.metrics,
        settings.precedence,
        settings.signatures,
        complete=True,
        whole=False,
        sidecars=believes,
        use_index=use_cache and believes,
        memory=_memory if use_cache else None,
        allows_wandb=use_wandb,
    )


def _say_once(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        logger.warning("%s", sentence)


def _best_first(entry: CheckpointCatalogEntry) -> tuple[str, str, bool, float, Path]:
    """Return the order of the drop-down: by model, then best first, what was not measured last."""
    missing = entry.hmean is None
    return (
        entry.architecture,
        entry.backbone,
        missing,
        -(entry.hmean or 0.0),
        entry.checkpoint_path,
    )
