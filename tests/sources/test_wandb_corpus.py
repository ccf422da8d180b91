"""What W&B's clients from 0.12 on have really written, read by us; truth lies beside each file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from checkpoint_meta.convert import Status, convert
from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.readers.wandb_log import read_wandb_log
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS: Final = Path(__file__).parent.parent / "corpus" / "wandb"

LOGS: Final = sorted(CORPUS.glob("*.wandb"))

every_client = pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)


def _truth(log: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(log.with_suffix(".json").read_text(encoding="utf-8"))
    return truth


def test_the_corpus_spans_the_clients_that_we_name() -> None:
    """From 0.12 to 0.31, the layouts before and after each of the client's rewrites."""
    minors = {tuple(map(int, log.stem.removeprefix("wandb-").split(".")[:2])) for log in LOGS}

    assert {(0, 12), (0, 13), (0, 15), (0, 17), (0, 18), (0, 19), (0, 24), (0, 31)} <= minors


@every_client
def test_who_the_run_is_and_how_it_was_configured(log: Path) -> None:
    """Id, entity, project, start and configuration, what was added later included."""
    truth = _truth(log)

    run = read_wandb_log(log)

    assert (run.run_id, run.entity, run.project) == (truth["id"], truth["entity"], truth["project"])
    assert {key: run.config[key] for key in run.config if key != "_wandb"} == truth["config"]
    assert run.started is not None
    assert truth["started"][0] <= run.started <= truth["started"][1]


@every_client
def test_each_row_that_was_logged(log: Path) -> None:
    """Names inside mappings and non-finite numbers too; what is no number is in no row."""
    expected: dict[int, dict[str, float]] = {}
    for step, numbers in _truth(log)["rows"]:
        expected.setdefault(step, {}).update(
            {name: float(number) for name, number in numbers.items()}
        )

    history = read_wandb_log(log).history

    for step, numbers in expected.items():
        found: dict[str, float] = {}
        for row in history.rows_at(step):
            found |= row
        assert found == pytest.approx(numbers, nan_ok=True)
    assert set(history.steps) == set(expected)


@every_client
def test_the_files_of_its_artifacts(log: Path) -> None:
    """Path, MD5 and size of each file, and what was said of the artifact."""
    files = read_wandb_log(log).files

    assert [[one.path, one.digest, one.size_bytes, one.metadata] for one in files] == _truth(log)[
        "files"
    ]


def _beside(log: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a checkpoint of the run of `log`, in the middle of its rows."""
    folder = tmp_path / "wandb" / "offline-run-20260101_000000-1a2b3c4d"
    folder.mkdir(parents=True)
    shutil.copy(log, folder / "run-1a2b3c4d.wandb")
    loops = {
        "fit_loop": {
            "epoch_loop.state_dict": {"_batches_that_stepped": 20},
            "epoch_progress": {"current": {"ready": 2, "processed": 2}},
        }
    }
    path = tmp_path / "checkpoints" / "a.ckpt"
    make_checkpoint(path, epoch=1, score=0.8125, extra={"loops": loops})
    return path


@every_client
def test_a_checkpoint_gets_the_row_of_its_own_step(
    log: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Verified by its score; run, metrics and configuration stand in the sidecar."""
    path = _beside(log, tmp_path, make_checkpoint)

    (outcome,) = convert([CheckpointFile(path)])

    document = read_sidecar(CheckpointFile(path).sidecar)
    assert any("W&B log" in note and "verified" in note for note in outcome.notes)
    assert document["metrics"] == {
        "hmean": 0.8125,
        "validation_loss": 1e-07,
        "additional_metrics": {
            "val/hmean": 0.8125,
            "val_loss": 1e-07,
            "nested.deep.er": 2.0,
            "nested.iou": 0.5,
        },
    }
    assert document["wandb"] == {"entity": "team", "project": "ocr", "run_id": "1a2b3c4d"}
    assert look_up(document, ("training", "max_epochs")) == 3
    assert look_up(document, ("model", "encoder", "model_name")) == "resnet18"


@every_client
def test_rows_that_come_after_the_sidecar_complete_it(
    log: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """A client that was still writing when the sidecar was made; the next conversion sees it."""
    path = _beside(log, tmp_path, make_checkpoint)
    whole = next(tmp_path.rglob("*.wandb"))
    raw = whole.read_bytes()
    whole.write_bytes(raw[:100])
    (first,) = convert([CheckpointFile(path)])
    assert "validation_loss" not in str(first.after)
    whole.write_bytes(raw)

    (second,) = convert([CheckpointFile(path)])
    (third,) = convert([CheckpointFile(path)])

    assert [second.status, third.status] == [Status.UPDATED, Status.UNCHANGED]
    assert "validation_loss: " in str(second.after)
