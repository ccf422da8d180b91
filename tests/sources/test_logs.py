"""The step rule on runs that are really trained; truth is what Lightning knew when it saved."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.convert import ConvertOptions, Outcome, convert
from checkpoint_meta.evidence import Severity
from checkpoint_meta.paths import CheckpointFile, iter_checkpoints
from checkpoint_meta.resolve import agrees
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.sources import log_cache
from checkpoint_meta.sources.log_cache import LogCache
from checkpoint_meta.sources.logs import LogsSource
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import FieldPath, JSONValue

JOB: Final = Path(__file__).parent / "jobs" / "train_runs.py"

LOGGED_NAMES: Final = {"hmean": "val/hmean", "validation_loss": "val_loss"}

pytestmark = pytest.mark.train


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all runs, trained by one process."""
    root = tmp_path_factory.mktemp("runs")
    subprocess.run([sys.executable, str(JOB), str(root)], check=True, cwd=root)
    return root


@pytest.fixture(scope="session")
def outcomes(runs: Path) -> dict[str, Outcome]:
    """Return what convert says of each checkpoint, by its path below the runs."""
    found = convert(iter_checkpoints(runs), options=ConvertOptions(dry_run=True))
    return {str(one.checkpoint.path.relative_to(runs)): one for one in found}


def _claimed_metrics(outcome: Outcome) -> Iterator[tuple[str, JSONValue]]:
    assert outcome.resolution is not None, outcome.reason
    for field, value in outcome.resolution.values.items():
        if field[0] == "metrics":
            yield LOGGED_NAMES.get(field[-1], field[-1]), value


def test_no_metric_of_any_checkpoint_is_wrong(runs: Path, outcomes: dict[str, Outcome]) -> None:
    """Each validation metric is one that was measured with these very weights."""
    truth = json.loads((runs / "truth.json").read_text(encoding="utf-8"))
    checked = 0

    for outcome in outcomes.values():
        saved = truth["files"][str(outcome.checkpoint.path)]
        validations = truth["validated"][saved["run"]].get(str(saved["global_step"]), [])
        for name, value in _claimed_metrics(outcome):
            if name.startswith("val"):
                checked += 1
                assert any(agrees(one[name], value) for one in validations), (outcome, name)

    assert checked > 100


def test_training_metrics_are_those_of_the_save(runs: Path, outcomes: dict[str, Outcome]) -> None:
    """The loss of the last step is what the training had logged when it saved."""
    truth = json.loads((runs / "truth.json").read_text(encoding="utf-8"))

    for outcome in outcomes.values():
        saved = truth["files"][str(outcome.checkpoint.path)]["callback_metrics"]
        claimed = dict(_claimed_metrics(outcome))
        if "train_loss_step" in claimed:
            assert agrees(saved["train_loss_step"], claimed["train_loss_step"]), outcome


def _findings(outcome: Outcome) -> dict[str, str]:
    """Return what each log was found to say, by its kind and version."""
    found = {}
    for note in outcome.notes:
        kind, _, rest = note.partition(" log ")
        if rest:
            location, _, said = rest.partition(": ")
            version = Path(location).parent.name.removeprefix("version_")
            found[f"{kind} {version}" if version.isdigit() else kind] = said.split(" ")[0]
    return found


@pytest.mark.parametrize(
    ("checkpoint", "finding"),
    [
        ("plain/checkpoints/epoch=1-step=12.ckpt", "verified"),
        ("plain/checkpoints/last.ckpt", "verified"),
        ("half/checkpoints/epoch=0-step=3.ckpt", "verified"),
        ("half/checkpoints/epoch=1-step=12.ckpt", "verified"),
        ("accumulate/checkpoints/epoch=0-step=1.ckpt", "verified"),
        ("accumulate/checkpoints/epoch=1-step=4.ckpt", "verified"),
        ("optimizers/checkpoints/epoch=0-step=12.ckpt", "verified"),
        ("every/checkpoints/epoch=1-step=8.ckpt", "exact"),
        ("stale/checkpoints/epoch=1-step=8.ckpt", "exact"),
        ("weights/checkpoints/epoch=0-step=6.ckpt", "exact"),
        ("own_step/checkpoints/epoch=1-step=1.ckpt", "none"),
        ("after/checkpoints/epoch=1-step=12.ckpt", "verified"),
        ("after/checkpoints/final.ckpt", "exact"),
        ("printed/checkpoints/epoch=1-val", "verified"),
        ("seldom/checkpoints/epoch=3-step=24.ckpt", "exact"),
        ("early/checkpoints/epoch=1-val", "none"),
        ("trained/checkpoints/epoch=1-step=12.ckpt", "exact"),
    ],
)
def test_every_log_of_a_run_says_the_same(
    checkpoint: str, finding: str, outcomes: dict[str, Outcome]
) -> None:
    """CSV, TensorBoard and W&B agree on how well the row is known."""
    (outcome,) = [one for path, one in outcomes.items() if path.startswith(checkpoint)]

    assert set(_findings(outcome).values()) == {finding}


def test_nothing_is_said_of_a_step_that_was_not_validated(outcomes: dict[str, Outcome]) -> None:
    """A checkpoint from the middle of an epoch has no validation metric, stale score or not."""
    for run in ("every", "stale"):
        names = dict(_claimed_metrics(outcomes[f"{run}/checkpoints/epoch=1-step=8.ckpt"]))

        assert not any(name.startswith("val") for name in names)


def test_a_score_that_the_logs_show_to_be_older_is_no_metric(
    outcomes: dict[str, Outcome],
) -> None:
    """Validated at step 4 and saved at step 6: neither the score nor the name speaks of it."""
    name = next(path for path in outcomes if path.startswith("early/checkpoints/epoch=0"))
    outcome = outcomes[name]

    assert outcome.resolution is not None
    assert outcome.resolution.values["checkpointing", "score"]
    assert not any(name.startswith("val") for name, _ in _claimed_metrics(outcome))
    assert any("val/hmean" in note and "step 3" in note for note in outcome.notes), outcome.notes


def test_a_mean_of_the_epoch_before_is_no_metric_of_this_one(outcomes: dict[str, Outcome]) -> None:
    """Saved after a validation, before the epoch's own mean of the training was known."""
    outcome = outcomes["trained/checkpoints/epoch=3-step=24.ckpt"]

    assert outcome.resolution is not None
    claimed = dict(_claimed_metrics(outcome))
    assert not agrees(
        claimed["train_loss_epoch"], outcome.resolution.values["checkpointing", "score"]
    )
    assert "val/hmean" in claimed


@pytest.mark.parametrize(
    ("checkpoint", "own", "other"),
    [
        ("twins/checkpoints/twin-a-epoch=1.ckpt", "0", "1"),
        ("twins/checkpoints/twin-b-epoch=1.ckpt", "1", "0"),
        ("resumed/checkpoints/first-epoch=1.ckpt", "0", "1"),
        ("resumed/checkpoints/second-epoch=1.ckpt", "1", "0"),
    ],
)
def test_the_score_tells_two_attempts_apart(
    checkpoint: str, own: str, other: str, outcomes: dict[str, Outcome]
) -> None:
    """Of two rows of the same step and epoch the right one is taken, the other is reported."""
    findings = _findings(outcomes[checkpoint])

    assert findings[f"CSV {own}"] == findings[f"TensorBoard {own}"] == "verified"
    assert findings[f"CSV {other}"] == findings[f"TensorBoard {other}"] == "conflict"


def test_what_is_converted_passes_the_gate(runs: Path, tmp_path: Path) -> None:
    """No rule takes a score that is older than the weights, or a metric beside it, for wrong."""
    copied = shutil.copytree(runs, tmp_path / "runs")
    list(convert(iter_checkpoints(copied)))

    errors = [
        str(one.problem)
        for one in validate(iter_subjects(copied), Gate())
        if one.problem.severity is Severity.ERROR
    ]

    assert errors == []


def test_without_a_score_two_runs_are_ambiguous(outcomes: dict[str, Outcome]) -> None:
    """Nothing is taken from logs that could both be the checkpoint's; the other one is named."""
    outcome = outcomes["blind/checkpoints/blind-a-epoch=1.ckpt"]

    assert set(_findings(outcome).values()) == {"probable"}
    assert dict(_claimed_metrics(outcome)) == {}
    assert any("version_1/metrics.csv" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("checkpoint", "run"),
    [
        ("plain/checkpoints/epoch=0-step=6.ckpt", "idplain"),
        ("half/checkpoints/last.ckpt", "idhalf"),
        ("twins/checkpoints/twin-a-epoch=0.ckpt", "idtwina"),
        ("twins/checkpoints/twin-b-epoch=0.ckpt", "idtwinb"),
    ],
)
def test_the_wandb_run_is_named(checkpoint: str, run: str, outcomes: dict[str, Outcome]) -> None:
    """The sidecar says which run it was, and what that run was configured to do."""
    resolution = outcomes[checkpoint].resolution
    assert resolution is not None
    values = resolution.values

    assert values["wandb", "run_id"] == values["wandb_run_id",] == run
    assert values["wandb", "project"] == "ocr"
    assert values["training", "max_epochs"] == 2


def test_each_log_is_parsed_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many checkpoints a run has, each of its logs is parsed one time."""
    cache = LogCache()
    monkeypatch.setattr("checkpoint_meta.sources.judged_logs.LOGS", cache)
    source = LogsSource()

    for _ in range(3):
        for checkpoint in iter_checkpoints(runs / "half"):
            list(source.collect(checkpoint))

    assert cache.parses == 3


def test_a_log_that_changed_is_parsed_anew(runs: Path, tmp_path: Path) -> None:
    """A run that goes on has new rows, which the next convert sees."""
    run = shutil.copytree(runs / "weights", tmp_path / "run")
    log = run / "lightning_logs" / "version_0" / "metrics.csv"
    checkpoint = CheckpointFile(run / "checkpoints" / "epoch=0-step=6.ckpt")
    assert _csv_values(checkpoint)

    log.write_text("epoch,step,val/hmean\n", encoding="utf-8")

    assert _csv_values(checkpoint) == {}


def _csv_values(checkpoint: CheckpointFile) -> dict[FieldPath, JSONValue]:
    fragments = LogsSource().collect(checkpoint)
    return {
        field: value
        for fragment in fragments
        if fragment.origin.location.endswith("metrics.csv")
        for field, value in fragment.values.items()
    }


def test_a_broken_log_is_a_note_and_the_others_go_on(runs: Path, tmp_path: Path) -> None:
    """One unreadable log costs neither the checkpoint nor the other logs."""
    run = shutil.copytree(runs / "plain", tmp_path / "run")
    (run / "lightning_logs" / "version_0" / "metrics.csv").write_text("no table", "utf-8")

    (outcome, *_) = convert(iter_checkpoints(run), options=ConvertOptions(dry_run=True))

    assert any("not a metrics.csv" in note for note in outcome.notes)
    assert dict(_claimed_metrics(outcome))["val_loss"] is not None


def test_the_cache_makes_room(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    """What was asked for longest ago goes first, and memory stays bounded."""
    monkeypatch.setattr(log_cache, "MOST_LOGS", 2)
    cache = LogCache()
    monkeypatch.setattr("checkpoint_meta.sources.judged_logs.LOGS", cache)

    for checkpoint in iter_checkpoints(runs):
        list(LogsSource().collect(checkpoint))

    assert len(cache._kept) == 2
