"""What a second conversion sees: sources that appeared, grew, or were left out the last time."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import pytest

from checkpoint_meta.convert import ConvertOptions, Outcome, Status, convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.sources.default import default_sources
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue

LOOPS: Final = {
    "fit_loop": {
        "epoch_loop.state_dict": {"_batches_that_stepped": 400},
        "epoch_progress": {"current": {"ready": 4, "processed": 3}},
    }
}
"""A checkpoint of epoch 3 whose validation was logged at step 400."""

ROWS: Final = "epoch,step,val/hmean,val/loss\n3,400,0.875,0.25\n"


@pytest.fixture
def run(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a run with one checkpoint whose step in a log is known."""
    make_checkpoint(tmp_path / "run" / "checkpoints" / "a.ckpt", extra={"loops": LOOPS})
    return tmp_path / "run"


def _convert(
    root: Path, options: ConvertOptions | None = None, without: tuple[str, ...] = ()
) -> Outcome:
    sources = [one for one in default_sources() if one.name not in without]
    (outcome,) = convert(iter_checkpoints(root), sources, options)
    return outcome


def _at(run: Path, *path: str) -> JSONValue:
    return look_up(read_sidecar(run / "checkpoints" / "a.metadata.yaml"), path)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _is_settled(run: Path) -> bool:
    """Tell whether converting again writes nothing, and opens no checkpoint."""
    sidecar = run / "checkpoints" / "a.metadata.yaml"
    before = sidecar.stat()
    with _opened() as opened:
        status = _convert(run).status
    after = sidecar.stat()
    same = (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    return status is Status.UNCHANGED and same and not any(".ckpt" in name for name in opened.names)


@dataclass
class _Opened:
    """Names of the files that Python opens in the meantime, told by an audit hook."""

    names: list[str] = field(default_factory=list)
    is_on: bool = False

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_on and event == "open":
            self.names.append(str(arguments[0]))

    def __enter__(self) -> Self:
        self.names.clear()
        self.is_on = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_on = False


_HOOK: Final = _Opened()
sys.addaudithook(_HOOK.hear)


def _opened() -> _Opened:
    return _HOOK


def test_the_audit_hook_sees_a_checkpoint_that_is_opened(run: Path) -> None:
    """The first conversion opens the checkpoint, so that the hook proves what it is said to."""
    with _opened() as opened:
        _convert(run)

    assert any(name.endswith("a.ckpt") for name in opened.names)
    assert _is_settled(run)


@pytest.mark.parametrize(
    ("place", "text", "field", "value"),
    [
        ("metrics.csv", ROWS, "metrics.validation_loss", 0.25),
        ("lightning_logs/version_0/metrics.csv", ROWS, "metrics.validation_loss", 0.25),
        (".hydra/config.yaml", "trainer: {max_epochs: 30}\n", "training.max_epochs", 30),
        (".hydra/overrides.yaml", "- lr=0.1\n", "hydra_overrides", ["lr=0.1"]),
        ("hparams.yaml", "lr: 0.1\n", "hyperparameters", {"lr": 0.1}),
        ("checkpoints/a.config.json", '{"exp_name": "mine"}', "exp_name", "mine"),
        (
            "checkpoints/a.metadata.json",
            '{"config": {"save_top_k": 3}, "training": {}}',
            "checkpointing.save_top_k",
            3,
        ),
    ],
)
def test_a_source_that_appears_is_seen(
    run: Path, place: str, text: str, field: str, value: JSONValue
) -> None:
    """A file that comes after the sidecar completes it; then there is nothing left to do."""
    # Otherwise the folder's name stands there already, and stays.
    left_out = ("filename",) if field == "exp_name" else ()
    _convert(run, without=left_out)
    _write(run / place, text)

    outcome = _convert(run, without=left_out)

    assert outcome.status is Status.UPDATED
    assert _at(run, *field.split(".")) == value
    assert _convert(run, without=left_out).status is Status.UNCHANGED


def test_a_log_that_grows_is_seen(run: Path) -> None:
    """Rows that a logger had not yet written when the sidecar was made."""
    _write(run / "metrics.csv", "epoch,step,val/hmean,val/loss\n")
    _convert(run)
    assert _at(run, "metrics", "validation_loss") is None
    _write(run / "metrics.csv", ROWS)

    assert _convert(run).status is Status.UPDATED

    assert _at(run, "metrics", "validation_loss") == 0.25
    assert _is_settled(run)


def test_events_and_wandb_files_are_watched_too(run: Path) -> None:
    """A file of any logger makes the next conversion look again, once."""
    (run / ".hydra").mkdir()
    _convert(run)

    for place in (
        "tensorboard/version_0/events.out.tfevents.1.host",
        "wandb/offline-run-20260101_000000-abcdefgh/run-abcdefgh.wandb",
        ".hydra/hydra.yaml",
    ):
        _write(run / place, "")
        outcome = _convert(run)

        assert outcome.status is Status.UPDATED
        assert "nothing new" in (outcome.reason or "")
        assert _is_settled(run)


def _around(run: Path, name: str, started: datetime) -> Path:
    folder = f"run-{started.astimezone():%Y%m%d_%H%M%S}-{name}"
    return run.parent / "wandb" / folder / f"run-{name}.wandb"


def test_a_run_that_began_after_the_checkpoint_is_not_its_run(run: Path) -> None:
    """Each new training beside it does not make a thousand old checkpoints be opened again."""
    now = datetime.now(tz=UTC)
    _convert(run)

    _write(_around(run, "younger1", now + timedelta(days=3)), "")
    assert _is_settled(run)

    _write(_around(run, "elder111", now - timedelta(days=3)), "")
    assert _convert(run).status is Status.UPDATED
    assert _is_settled(run)


@pytest.fixture
def locked(run: Path) -> Path:
    """Return the run with a log that nobody may read."""
    _write(run / "metrics.csv", ROWS)
    (run / "metrics.csv").chmod(0)
    if os.geteuid() == 0:
        for path in (run, *run.rglob("*")):
            os.chown(path, 65534, 65534)
    return run


def test_a_log_that_may_be_read_now_is_seen(locked: Path, request: pytest.FixtureRequest) -> None:
    """Mending a permission changes neither size nor time, and is noticed all the same."""
    run = locked
    # What is imported late may lie where nobody may look.
    _convert(run, ConvertOptions(dry_run=True))
    request.getfixturevalue("unprivileged")
    assert any("Permission denied" in note for note in _convert(run).notes)

    (run / "metrics.csv").chmod(0o644)

    assert _convert(run).status is Status.UPDATED
    assert _at(run, "metrics", "validation_loss") == 0.25


def test_a_moved_run_is_still_settled(run: Path, tmp_path: Path) -> None:
    """What was seen is told by places relative to the run."""
    _write(run / "metrics.csv", ROWS)
    _convert(run)

    moved = tmp_path / "elsewhere" / "run"
    moved.parent.mkdir()
    run.rename(moved)

    assert _is_settled(moved)


@pytest.mark.parametrize("source", ["logs", "hydra", "config", "sidecar-1.0", "filename"])
def test_a_source_that_was_left_out_is_asked_later(run: Path, source: str) -> None:
    """A sidecar whose sources were restricted is completed, whichever one was left out."""
    _write(run / "metrics.csv", ROWS)
    _write(run / "hparams.yaml", "lr: 0.1\n")
    _write(run / ".hydra" / "config.yaml", "trainer: {max_epochs: 30}\n")
    _write(run / "checkpoints" / "a.metadata.json", '{"config": {"save_top_k": 3}}')
    whole = shutil.copytree(run, run.parent / "whole" / "run")
    _convert(whole)
    assert _convert(run, without=(source,)).status is Status.CREATED
    assert _convert(run, without=(source,)).status is Status.UNCHANGED

    assert _convert(run).status is Status.UPDATED

    ours, theirs = (read_sidecar(one / "checkpoints" / "a.metadata.yaml") for one in (run, whole))
    assert {key: ours[key] for key in theirs if key != "provenance"} == {
        key: value for key, value in theirs.items() if key != "provenance"
    }
    assert _is_settled(run)


def test_leaving_a_source_out_forgets_nothing(run: Path) -> None:
    """A narrower conversion of a settled sidecar neither writes nor makes the next one look."""
    _write(run / "metrics.csv", ROWS)
    _convert(run)

    assert _convert(run, without=("logs", "hydra")).status is Status.UNCHANGED

    assert _is_settled(run)


def _lines(run: Path) -> Iterator[dict[str, JSONValue]]:
    lines = _at(run, "provenance")
    assert isinstance(lines, list)
    for line in lines:
        assert isinstance(line, dict)
        yield line


def _stamp(run: Path, field: str) -> tuple[JSONValue, JSONValue]:
    (line,) = (line for line in _lines(run) if field in (line["fields"] or ()))  # type: ignore[operator]
    return line.get("size_bytes"), line.get("mtime_ns")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kept_value_keeps_its_stamp(run: Path, overwrite: bool) -> None:
    """A value that the changed file no longer says is not passed off as taken from it."""
    config = run / ".hydra" / "config.yaml"
    _write(config, "trainer: {max_epochs: 30}\n")
    _convert(run)
    former = config.stat()
    assert _stamp(run, "training.max_epochs") == (former.st_size, former.st_mtime_ns)
    _write(config, "model: {architecture: dbnet}\n")

    assert _convert(run, ConvertOptions(overwrite=overwrite)).status is Status.UPDATED

    status = config.stat()
    assert _at(run, "training", "max_epochs") == 30
    assert _stamp(run, "training.max_epochs") == (former.st_size, former.st_mtime_ns)
    assert _stamp(run, "model.architecture") == (status.st_size, status.st_mtime_ns)
    assert _is_settled(run)


def test_a_new_name_for_a_metric_is_a_reason_to_look_again(run: Path) -> None:
    """`metrics = {...}` in the settings changes what the same files say."""
    _write(run / "metrics.csv", "epoch,step,val/hmean,val/score\n3,400,0.875,0.5\n")
    _convert(run)
    sources = default_sources({"precision": "val/score"})

    (outcome,) = convert(iter_checkpoints(run), sources)

    assert outcome.status is Status.UPDATED
    assert _at(run, "metrics", "precision") == 0.5
    (again,) = convert(iter_checkpoints(run), default_sources({"precision": "val/score"}))
    assert again.status is Status.UNCHANGED


def test_what_is_seen_of_each_source_is_one_mark(run: Path) -> None:
    """`none` for a source that reads nothing beside the checkpoint, or finds nothing there."""
    _write(run / "metrics.csv", ROWS)
    _convert(run)

    seen = _at(run, "written_by", "seen")

    assert isinstance(seen, dict)
    assert set(seen) == {source.name for source in default_sources()}
    assert {name for name, mark in seen.items() if mark != "none"} == {"logs"}
    assert len(str(seen["logs"])) == 16
