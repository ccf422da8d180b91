"""One checkpoint as the drop-down of a UI shows it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from checkpoint_meta.schema.versions import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.row import Row

_LONGEST_NAME: Final = 23
_SHORT_NAME: Final = 20


@dataclass(frozen=True, slots=True)
class CheckpointCatalogEntry:
    """What a person needs to choose a checkpoint."""

    checkpoint_path: Path
    """Absolute."""

    config_path: Path | None
    """Configuration for inference."""

    display_name: str
    architecture: str
    """`unknown` where nobody knows."""

    backbone: str
    """Name of the encoder; `unknown` where nobody knows."""

    exp_name: str
    epochs: int | None
    """Epoch of the checkpoint, from 0; `None` where nobody knows."""

    created_timestamp: str
    """`YYYYmmdd_HHMM`, in UTC; empty where nobody knows."""

    hmean: float | None = None
    precision: float | None = None
    recall: float | None = None
    monitor: str | None = None
    monitor_mode: Literal["min", "max"] | None = None
    has_metadata: bool = False
    """A sidecar describes this very checkpoint."""

    def to_display_option(self) -> str:
        """Return one line for a drop-down: model, experiment, then epoch, metrics and time."""
        model = [self.architecture, self.backbone]
        if self.exp_name and self.exp_name not in model:
            model.append(_shortened(self.exp_name))
        facts = [] if self.epochs is None else [f"ep{self.epochs}"]
        named = (("hmean", self.hmean), ("prec", self.precision), ("rec", self.recall))
        facts += [f"{name} {value:.3f}" for name, value in named if value is not None]
        facts += [self.created_timestamp] if self.created_timestamp else []
        return " · ".join(model) + (f" ({' • '.join(facts)})" if facts else "")


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_SHORT_NAME]}..."


def entry_of(row: Row, config_filenames: Sequence[str]) -> CheckpointCatalogEntry:
    """Return the entry of a row."""
    values = row.values
    mode = values.get(("checkpointing", "mode"))
    return CheckpointCatalogEntry(
        checkpoint_path=Path(os.path.abspath(row.path)),
        config_path=_config_path(row, config_filenames),
        display_name=Path(row.path).stem,
        architecture=_text(row, "model", "architecture") or UNKNOWN,
        backbone=_text(row, "model", "encoder", "model_name") or UNKNOWN,
        exp_name=_text(row, "exp_name") or Path(os.path.abspath(row.run)).name,
        epochs=_count(row, "training", "epoch"),
        created_timestamp=_timestamp(_text(row, "created_at")),
        hmean=_number(row, "metrics", "hmean"),
        precision=_number(row, "metrics", "precision"),
        recall=_number(row, "metrics", "recall"),
        monitor=_text(row, "checkpointing", "monitor"),
        monitor_mode="max" if mode == "max" else "min" if mode == "min" else None,
        has_metadata=row.has_metadata,
    )


def _config_path(row: Row, names: Sequence[str]) -> Path | None:
    """Return the configuration that the row names, else one of these names in its run."""
    folder = Path(os.path.abspath(row.path)).parent
    named = _text(row, "hydra_config_path")
    beside = Path(os.path.abspath(row.sidecar)).parent if row.sidecar else folder
    run = Path(os.path.abspath(row.run))
    places = [beside / named] if named else []
    places += [place / name for place in (folder, run / ".hydra", run) for name in names]
    found = next((place for place in places if place.is_file()), None)
    return Path(os.path.normpath(found)) if found else None


def _text(row: Row, *field: str) -> str | None:
    value = row.values.get(field)
    return value if isinstance(value, str) else None


def _number(row: Row, *field: str) -> float | None:
    value = row.values.get(field)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, (int, float)) else None


def _count(row: Row, *field: str) -> int | None:
    value = row.values.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _timestamp(written: str | None) -> str:
    try:
        moment = datetime.fromisoformat(written or "")
    except ValueError:
        return ""
    return moment.astimezone(UTC).strftime("%Y%m%d_%H%M")
