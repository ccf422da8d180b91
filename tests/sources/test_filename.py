from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources.default import default_sources
from checkpoint_meta.sources.filename import FilenameSource

if TYPE_CHECKING:
    from checkpoint_meta.sources.interface import Source


def _claims(path: str, source: Source | None = None) -> dict[str, object]:
    fragments = (source or FilenameSource()).collect(CheckpointFile(Path(path)))
    return {
        ".".join(field): value
        for fragment in fragments
        if fragment.origin.location != "run"
        for field, value in fragment.values.items()
        if "additional_metrics" not in field
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epoch=67-step=18564", {"epoch": 67, "global_step": 18564}),
        ("epoch_epoch_22_step_step_001932_20251009_015037", {"epoch": 22, "global_step": 1932}),
        ("epoch_09_step_002730", {"epoch": 9, "global_step": 2730}),
        ("last_20251011_004442", {}),
        ("resnet34_bs4_epoch_epoch=28_step_step=23722", {"epoch": 28, "global_step": 23722}),
        ("epoch-8-step-1845", {"epoch": 8, "global_step": 1845}),
        ("epoch--step-1845", {"global_step": 1845}),
        ("best", {}),
        ("best-v1", {}),
        ("epoch=3-step=5-v2", {"epoch": 3, "global_step": 5}),
        ("epoch=3-epoch=4", {}),
    ],
)
def test_epoch_and_step_of_every_naming_scheme(name: str, expected: dict[str, int]) -> None:
    """Counts are read where the name says what they count; two that differ are none."""
    claims = _claims(f"run/checkpoints/{name}.ckpt")

    assert claims == {f"training.{field}": value for field, value in expected.items()}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("epoch-18_step-003895_hmean-0.8756", "metrics.hmean", 0.8756),
        ("best-hmean-0.8920", "metrics.hmean", 0.892),
        ("val/hmean=0.6000-best", "metrics.hmean", 0.6),
        ("epoch=3-val_loss=0.12-v1", "metrics.validation_loss", 0.12),
        ("epoch=3-val_loss=-0.12", "metrics.validation_loss", -0.12),
        ("model-epoch=02-val_f1=0.91", "metrics.hmean", 0.91),
    ],
)
def test_metrics_in_names(name: str, field: str, value: float) -> None:
    """`{monitor}=0.91` and its kin are claims, with the decimals that were printed."""
    assert _claims(f"run/checkpoints/{name}.ckpt")[field] == value


def test_the_users_metric_names_hold_for_file_names() -> None:
    """Where the user says that hmean is `val/score`, an `hmean` in the name is not hmean."""
    aliases = {"hmean": "val/score"}

    (source,) = [one for one in default_sources(aliases) if one.name == "filename"]
    other = _claims("run/checkpoints/x-hmean=0.70.ckpt", source)
    named = _claims("run/checkpoints/val/score=0.70.ckpt", source)

    assert "metrics.hmean" not in other
    assert named["metrics.hmean"] == 0.7


def test_a_bare_loss_claims_nothing() -> None:
    """`best-loss-0.0234` does not say whose loss it is."""
    assert _claims("run/checkpoints/best-loss-0.0234.ckpt") == {}


def test_printed_decimals_are_kept() -> None:
    """A claim of four decimals agrees with whatever rounds to it."""
    path = Path("run/checkpoints/best-hmean-0.8920.ckpt")

    *_, fragment = FilenameSource().collect(CheckpointFile(path))

    assert fragment.decimals["metrics", "hmean"] == 4


def test_the_runs_folder_names_the_experiment() -> None:
    """For want of a better name, the experiment is called as its folder."""
    fragment = next(FilenameSource().collect(CheckpointFile(Path("a/run/checkpoints/x.ckpt"))))

    assert fragment.values == {("exp_name",): "run"}
