"""What a type checker sees of the public names; `mypy` fails where one changes its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_type

from checkpoint_meta import (
    CheckpointCatalog,
    CheckpointCatalogEntry,
    MetadataCallback,
    build_catalog,
    clear_global_cache,
)
from checkpoint_meta.training import Facts, write_sidecar

if TYPE_CHECKING:
    import os


def catalog(outputs: str | os.PathLike[str]) -> CheckpointCatalog:
    """Build a catalog in each way that its users do."""
    built = build_catalog(outputs)
    assert_type(built, CheckpointCatalog)
    assert_type(build_catalog(outputs, True, False, ("config.yaml",)), CheckpointCatalog)
    assert_type(
        build_catalog(
            outputs_dir=outputs,
            use_cache=False,
            use_wandb_fallback=False,
            config_filenames=["train.yaml"],
        ),
        CheckpointCatalog,
    )
    return built


def counts(built: CheckpointCatalog) -> None:
    """Ask a catalog for what it counts."""
    assert_type(built.entries, list[CheckpointCatalogEntry])
    assert_type(built.total_count, int)
    assert_type(built.metadata_available_count, int)
    assert_type(built.metadata_coverage_percent, float)
    assert_type(built.catalog_build_time_seconds, float)
    # Its type by name: what Any is would pass as anything.
    assert_type(clear_global_cache, Callable[[], None])


def fields(entry: CheckpointCatalogEntry) -> None:
    """Ask an entry for each of its fields."""
    assert_type(entry.checkpoint_path, Path)
    assert_type(entry.config_path, Path | None)
    assert_type(entry.display_name, str)
    assert_type(entry.architecture, str)
    assert_type(entry.backbone, str)
    assert_type(entry.exp_name, str)
    assert_type(entry.epochs, int | None)
    assert_type(entry.created_timestamp, str)
    assert_type(entry.hmean, float | None)
    assert_type(entry.precision, float | None)
    assert_type(entry.recall, float | None)
    assert_type(entry.monitor, str | None)
    assert_type(entry.monitor_mode, Literal["min", "max"] | None)
    assert_type(entry.has_metadata, bool)
    assert_type(entry.to_display_option(), str)


def refused(entry: CheckpointCatalogEntry) -> None:
    """Do what a type checker must refuse: without these errors, mypy reports unused ignores."""
    build_catalog(3)  # type: ignore[arg-type]
    build_catalog("outputs", use_cash=True)  # type: ignore[call-arg]
    entry.epochs = 4  # type: ignore[misc]
    MetadataCallback("exp", training_phase=1)  # type: ignore[arg-type]


def callback() -> MetadataCallback:
    """Make a callback as a configuration does."""
    made = MetadataCallback("exp", "outputs", "training", metrics={"hmean": "val/f1"})
    assert_type(made, MetadataCallback)
    return made


def by_hand(checkpoint: Path) -> None:
    """Describe a checkpoint that no Trainer wrote."""
    facts = Facts(epoch=3, global_step=400, metrics={"val/hmean": 0.9}, mode="max")
    assert_type(facts.epoch, int | None)
    assert_type(facts.metrics, Mapping[str, float])
    write_sidecar(checkpoint, facts)
