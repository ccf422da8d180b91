"""Sidecars and small checkpoints, written as the package itself writes them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog import facts
from checkpoint_meta.schema.fields import nest
from checkpoint_meta.store import write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from checkpoint_meta.catalog.found import Found
    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.catalog.row import Facts
    from checkpoint_meta.evidence import FieldPath, JSONValue


@dataclass(frozen=True)
class Described:
    """What a sidecar is made to say."""

    epoch: int = 0
    hmean: float | None = 0.5
    monitor: str = "val/hmean"
    mode: str = "max"
    values: Mapping[FieldPath, JSONValue] = field(default_factory=dict)


def describe(path: Path, described: Described | None = None) -> Path:
    """Write a file that stands for a checkpoint, with a sidecar that describes it."""
    given = described or Described()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * (100 + given.epoch))
    os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + given.epoch))
    status = path.stat()
    values: dict[FieldPath, JSONValue] = {
        ("schema_version",): "2.0",
        ("checkpoint_path",): path.name,
        ("created_at",): "2026-11-23T21:09:00Z",
        ("checkpoint",): {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns},
        ("training", "epoch"): given.epoch,
        ("training", "global_step"): given.epoch * 100,
        ("checkpointing", "monitor"): given.monitor,
        ("checkpointing", "mode"): given.mode,
        ("written_by",): {"tool": "checkpoint-meta", "version": "0.1.0", "how": "convert"},
        **given.values,
    }
    if given.hmean is not None:
        values["metrics", "hmean"] = given.hmean
        values["checkpointing", "score"] = given.hmean
    write_sidecar(path.with_name(f"{path.stem}.metadata.yaml"), nest(values))
    return path


@pytest.fixture
def described() -> Callable[..., Path]:
    """Return `describe`."""
    return describe


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with two runs of three described checkpoints each."""
    root = tmp_path / "runs"
    for run, offset in (("a", 0.0), ("b", 0.1)):
        (root / run / ".hydra").mkdir(parents=True)
        for epoch, hmean in ((0, 0.5), (1, 0.75), (2, 0.625)):
            name = f"epoch={epoch}.ckpt"
            describe(root / run / "checkpoints" / name, Described(epoch, hmean + offset))
    return root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the checkpoints that were read, as they are read."""
    names: list[str] = []
    real = facts.read_facts

    def spy(found: Found, reading: Reading) -> Facts:
        names.append(found.name)
        return real(found, reading)

    monkeypatch.setattr(facts, "read_facts", spy)
    return names
