"""Claims that do not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.claims import Claims, resolve_claims
from checkpoint_meta.convert import convert
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar
from tests.conftest import make_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MONITOR = ("checkpointing", "monitor")
TOP_K = ("checkpointing", "save_top_k")

CONFIG = """
exp_name: {exp_name}
callbacks:
  keep:
    _target_: lightning.pytorch.callbacks.ModelCheckpoint
    monitor: {monitor}
    mode: min
    save_top_k: 7
"""


@pytest.mark.parametrize(
    ("monitor", "kept"), [("val/hmean", 7), ("val/loss", None)], ids=["its own", "another"]
)
def test_settings_go_with_their_monitor(
    tmp_path: Path, make_checkpoint: Callable[..., Path], monitor: str, kept: int | None
) -> None:
    """What a configuration says of another ModelCheckpoint is not about this checkpoint."""
    run = make_run(tmp_path / "run", CONFIG.format(exp_name="demo", monitor=monitor))
    checkpoint = make_checkpoint(run / "checkpoints" / "a.ckpt")

    list(convert(iter_checkpoints(tmp_path)))

    document = read_sidecar(checkpoint.with_name("a.metadata.yaml"))
    assert look_up(document, ("checkpointing", "monitor")) == "val/hmean"
    assert look_up(document, ("checkpointing", "mode")) == "max"
    assert look_up(document, ("checkpointing", "save_top_k")) == kept


def test_settings_without_a_monitor_are_believed() -> None:
    """Who names no monitor contradicts nobody."""
    claims = Claims(
        (
            Fragment(Origin("checkpoint", "a.ckpt"), {MONITOR: "val/hmean"}),
            Fragment(Origin("hydra", "config.yaml"), {TOP_K: 3}),
        )
    )

    assert resolve_claims(claims).values[TOP_K] == 3


def test_an_experiment_may_be_called_by_a_number(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """YAML reads it as one; it is a name all the same."""
    run = make_run(tmp_path / "run", CONFIG.format(exp_name="42", monitor="val/hmean"))
    checkpoint = make_checkpoint(run / "checkpoints" / "a.ckpt")

    list(convert(iter_checkpoints(tmp_path)))

    assert read_sidecar(checkpoint.with_name("a.metadata.yaml"))["exp_name"] == "42"
