"""Configurations and older sidecars that lie beside a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources.config_files import ConfigFilesSource
from checkpoint_meta.sources.sidecar import SidecarSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue

CONFIG: dict[str, JSONValue] = {
    "model": {"architecture": "dbnet", "encoder": {"model_name": "resnet18"}}
}
OLDEST: dict[str, JSONValue] = {
    "checkpoint_path": "x.ckpt",
    "created_at": "2025-10-01T06:26:40",
    "training": {"epoch": 4, "global_step": 515, "training_phase": "training"},
    "model": {"architecture": "craft", "encoder": "resnet50", "components": {}},
    "metrics": {"val/hmean": 0.5, "note": "none"},
    "config": {"monitor": "val/loss", "mode": "min", "save_top_k": 2},
}


@pytest.fixture
def checkpoint(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> CheckpointFile:
    """Return a checkpoint `x.ckpt` with nothing beside it."""
    return CheckpointFile(make_checkpoint(tmp_path / "run" / "checkpoints" / "x.ckpt"))


def _claims(
    source: ConfigFilesSource | SidecarSource, checkpoint: CheckpointFile
) -> dict[FieldPath, JSONValue]:
    return {
        field: value
        for fragment in source.collect(checkpoint)
        for field, value in fragment.values.items()
    }


@pytest.mark.parametrize(
    "name", ["x.config.json", "x.config.yaml", "x.config.yml", "x.resolved.config.json"]
)
def test_a_configuration_beside_the_checkpoint_names_its_model(
    checkpoint: CheckpointFile, name: str
) -> None:
    """Each name that the older tools used is read; JSON is YAML."""
    checkpoint.path.with_name(name).write_text(json.dumps(CONFIG), encoding="utf-8")

    claims = _claims(ConfigFilesSource(), checkpoint)

    assert claims["model", "encoder", "model_name"] == "resnet18"
    assert claims["model", "architecture"] == "dbnet"


def test_hparams_of_the_run_are_hyperparameters(checkpoint: CheckpointFile) -> None:
    """`hparams.yaml`, which Lightning's loggers write, without its secrets."""
    text = "lr: 0.1\napi_key: abc\n"
    (checkpoint.run_dir / "hparams.yaml").write_text(text, encoding="utf-8")

    claims = _claims(ConfigFilesSource(), checkpoint)

    assert claims == {("hyperparameters",): {"lr": 0.1, "api_key": "***"}}


@pytest.mark.parametrize("text", ["[1, 2]", "null", '"text"'])
def test_a_configuration_that_is_no_mapping_claims_nothing(
    checkpoint: CheckpointFile, text: str
) -> None:
    """There is nothing in it to ask for."""
    checkpoint.path.with_name("x.config.json").write_text(text, encoding="utf-8")
    (checkpoint.run_dir / "hparams.yaml").write_text("[]", encoding="utf-8")

    assert _claims(ConfigFilesSource(), checkpoint) == {}


@pytest.mark.parametrize("text", ["{", "[" * 100_000], ids=["cut off", "deep"])
def test_a_broken_json_file_is_one_error(checkpoint: CheckpointFile, text: str) -> None:
    """Configurations and sidecars alike are named, with the reason."""
    for name in ("x.config.json", "x.metadata.json"):
        checkpoint.path.with_name(name).write_text(text, encoding="utf-8")

    for source in (ConfigFilesSource(), SidecarSource()):
        with pytest.raises(ReadError, match="json: not JSON"):
            list(source.collect(checkpoint))


def test_a_json_sidecar_that_is_no_mapping_is_one_error(checkpoint: CheckpointFile) -> None:
    """A list is no sidecar."""
    checkpoint.path.with_name("x.metadata.json").write_text("[1]", encoding="utf-8")

    with pytest.raises(ReadError, match="no mapping of fields"):
        list(SidecarSource().collect(checkpoint))


def test_the_oldest_sidecars_are_read(checkpoint: CheckpointFile) -> None:
    """`x.metadata.json` of before there were schemas: what it measured, trained and watched."""
    path = checkpoint.path.with_name("x.metadata.json")
    path.write_text(json.dumps(OLDEST), encoding="utf-8")

    claims = _claims(SidecarSource(), checkpoint)

    assert claims["training", "epoch"] == 4
    assert claims["training", "global_step"] == 515
    assert claims["model", "encoder", "model_name"] == "resnet50"
    assert claims["metrics", "hmean"] == 0.5
    assert claims["checkpointing", "mode"] == "min"
    assert "none" not in claims.values()


def _old(**changes: JSONValue) -> str:
    block: dict[str, JSONValue] = {
        "schema_version": "1.0",
        "checkpoint_path": "x.ckpt",
        "exp_name": "exp",
        "created_at": "2025-10-01T06:26:40",
        "training": {"epoch": 4, "global_step": 515, "training_phase": "training"},
        "model": {
            "architecture": "ocrmodel",
            "encoder": {"model_name": "unknown", "pretrained": True, "frozen": False},
            "decoder": {"name": "unet"},
            "head": {"name": "db_head"},
            "loss": {"name": "unknown"},
        },
        "metrics": {"hmean": 0.5, "additional_metrics": {}},
        "checkpointing": {"monitor": "val/hmean", "mode": "max"},
    }
    return json.dumps(block | changes)


@pytest.mark.parametrize("name", ["x.metadata.yaml", "x.ckpt.metadata.yaml", "x.metadata.json"])
def test_a_1_0_sidecar_is_read_under_each_of_its_names(
    checkpoint: CheckpointFile, name: str
) -> None:
    """What it knows is claimed; its filler is not."""
    checkpoint.path.with_name(name).write_text(_old(), encoding="utf-8")

    claims = _claims(SidecarSource(), checkpoint)

    assert claims["training", "epoch"] == 4
    assert claims["metrics", "hmean"] == 0.5
    assert ("model", "architecture") not in claims
    assert ("model", "encoder", "pretrained") not in claims
    assert ("created_at",) not in claims


def test_a_time_with_its_zone_is_believed(checkpoint: CheckpointFile) -> None:
    """1.0 mostly left the zone out; where it stands, the moment is known."""
    path = checkpoint.path.with_name("x.metadata.yaml")
    path.write_text(_old(created_at="2025-10-01T06:26:40+02:00"), encoding="utf-8")

    assert _claims(SidecarSource(), checkpoint)["created_at",] == "2025-10-01T06:26:40+02:00"


def test_a_sidecar_of_ours_claims_nothing(checkpoint: CheckpointFile) -> None:
    """What we wrote is kept by another way, and is no evidence for itself."""
    text = 'schema_version: "2.0"\nwritten_by: {tool: checkpoint-meta}\ntraining: {epoch: 9}\n'
    checkpoint.path.with_name("x.metadata.yaml").write_text(text, encoding="utf-8")

    assert _claims(SidecarSource(), checkpoint) == {}
