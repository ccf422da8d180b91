"""The real client against a loopback server: what it says, and every way in which it fails."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.claims import gather
from checkpoint_meta.errors import MissingExtraError
from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources.wandb_api import WandbApiSource
from checkpoint_meta.sources.wandb_cache import WandbCache
from checkpoint_meta.sources.wandb_choice import WandbChoice
from checkpoint_meta.sources.wandb_client import Limits, WandbClient, WandbUnavailableError
from checkpoint_meta.sources.wandb_runs import RemoteRuns
from tests.conftest import Saved, save_checkpoint
from tests.sources.wandb_server import Fault, WandbServer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue

LIMITS: Final = Limits(request=2, retries=1, answer=8.0)

LOOPS: Final = {
    "fit_loop": {
        "epoch_loop.state_dict": {"_batches_that_stepped": 400},
        "epoch_progress": {"current": {"ready": 4, "processed": 4}},
    }
}
ROWS: Final = (
    {"train_loss": 0.5, "epoch": 3, "trainer/global_step": 399},
    {"val/hmean": 0.8125, "val_loss": 2.0, "epoch": 2, "trainer/global_step": 299},
    {"val/hmean": 0.875, "val_loss": 1.5, "epoch": 3, "trainer/global_step": 399},
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WandbServer]:
    """Return a server that has the run `1a2b3c4d`, and point the client at it."""
    found = WandbServer()
    found.add_run("1a2b3c4d", ROWS, config={"lr": 0.1, "trainer": {"max_epochs": 30}})
    httpd = serve(found)
    monkeypatch.setenv("WANDB_BASE_URL", found.url)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    yield found
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def runs(tmp_path: Path) -> RemoteRuns:
    """Return what knows nothing yet."""
    return RemoteRuns(WandbCache(tmp_path / "cache"), WandbClient(LIMITS))


def _checkpoint(folder: Path, run_id: str = "1a2b3c4d", epoch: int = 3) -> CheckpointFile:
    path = folder / "ocr" / run_id / "checkpoints" / f"epoch={epoch}.ckpt"
    return CheckpointFile(save_checkpoint(path, Saved(extra={"loops": LOOPS})))


def _source(runs: RemoteRuns, *, project: str | None = "team/ocr") -> WandbApiSource:
    return WandbApiSource(choice=WandbChoice(project=project), runs=runs)


def _values(source: WandbApiSource, checkpoint: CheckpointFile) -> dict[FieldPath, JSONValue]:
    return {
        field: value
        for fragment in source.collect(checkpoint)
        for field, value in fragment.values.items()
    }


def test_configuration_and_metrics_of_the_own_step(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """The run's configuration, and its row at the checkpoint's step: not its summary."""
    server.histories["1a2b3c4d"] = [
        *ROWS,
        {"val/hmean": 0.1, "val_loss": 9.0, "epoch": 4, "trainer/global_step": 499},
    ]

    values = _values(_source(runs), _checkpoint(tmp_path))

    assert values["metrics", "hmean"] == 0.875
    assert values["metrics", "validation_loss"] == 1.5
    assert values["training", "max_epochs"] == 30
    assert values["hyperparameters",] == {"lr": 0.1, "trainer": {"max_epochs": 30}}
    assert values["wandb", "run_id"] == "1a2b3c4d"
    assert values["wandb", "entity"] == "team"
    assert values["wandb", "url"] == f"{server.url}/team/ocr/runs/1a2b3c4d"


def test_names_that_were_logged_apart_are_asked_for_one_by_one(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """The server gives only rows that have every name, and no word where there is none."""
    step = {"epoch": 3, "trainer/global_step": 399}
    server.add_run("1a2b3c4d", [{"val/hmean": 0.875, **step}, {"val_loss": 1.5, **step}])

    values = _values(_source(runs), _checkpoint(tmp_path))

    assert values["metrics", "hmean"] == 0.875
    assert values["metrics", "validation_loss"] == 1.5


def test_a_run_and_its_history_are_asked_for_once(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """Ten checkpoints of two runs take one request for both, and one for each history."""
    server.add_run("5e6f7a8b", ROWS)
    source = _source(runs)
    checkpoints = [
        _checkpoint(tmp_path, run_id, epoch)
        for run_id in ("1a2b3c4d", "5e6f7a8b")
        for epoch in range(5)
    ]

    for checkpoint in checkpoints:
        assert _values(source, checkpoint)["metrics", "hmean"] == 0.875

    assert server.asked.count("runs") == 1
    assert server.asked.count("history") == 2


def test_a_finished_run_is_kept_on_disk(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """A second convert asks nobody; `--refresh` does; nobody else can read what is kept."""
    checkpoint = _checkpoint(tmp_path)
    _values(_source(runs), checkpoint)
    asked = len(server.asked)

    again = RemoteRuns(WandbCache(tmp_path / "cache"), WandbClient(LIMITS))
    assert _values(_source(again), checkpoint)["metrics", "hmean"] == 0.875
    assert len(server.asked) == asked
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0

    anew = RemoteRuns(WandbCache(tmp_path / "cache", refresh=True), WandbClient(LIMITS))
    assert _values(_source(anew), checkpoint)["metrics", "hmean"] == 0.875
    assert len(server.asked) > asked


def test_a_running_run_is_not_kept(server: WandbServer, runs: RemoteRuns, tmp_path: Path) -> None:
    """What may change in the next minute is asked for each time."""
    server.add_run("1a2b3c4d", ROWS, state="running")

    _values(_source(runs), _checkpoint(tmp_path))

    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize(("project", "run"), [("team/ocr", "99999999"), ("team/x", "1a2b3c4d")])
def test_a_run_that_is_not_there_is_a_note(
    project: str, run: str, server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """Neither a missing run nor a missing project is an outage: the next one is asked for."""
    checkpoint = _checkpoint(tmp_path, run)

    (fragment,) = _source(runs, project=project).collect(checkpoint)

    assert fragment.values == {}
    assert "has no run" in fragment.notes[0]
    assert _values(_source(runs), _checkpoint(tmp_path))["wandb", "run_id"] == "1a2b3c4d"
    assert server.asked.count("fault") == 0


FAULTS: Final = {
    "401": Fault(status=401, body='{"errors": [{"message": "no"}]}'),
    "429 that asks for an hour": Fault(status=429, headers={"Retry-After": "3600"}),
    "500": Fault(status=500),
    "HTML": Fault(body="<html>sign in</html>", content_type="text/html"),
    "hangs": Fault(delay=30.0),
    "drops": Fault(drop=True),
    "nonsense": Fault(body='{"data": {"project": 7, "viewer": null}}'),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_sentence_in_bounded_time(
    name: str, server: WandbServer, tmp_path: Path
) -> None:
    """Whatever the server does, the other sources go on, and the second question costs nothing."""
    server.fault = FAULTS[name]
    limits = Limits(request=1, retries=1, answer=6.0)
    runs = RemoteRuns(WandbCache(tmp_path / "cache"), WandbClient(limits))
    checkpoint = _checkpoint(tmp_path)

    started = time.monotonic()
    claims = gather(checkpoint, [_source(runs)])
    first = time.monotonic() - started
    again = gather(checkpoint, [_source(runs)])
    second = time.monotonic() - started - first

    assert len(claims.notes) == 1
    assert claims.notes[0].startswith("W&B API: ")
    assert "\n" not in claims.notes[0]
    assert first < limits.answer + 4
    assert again.notes == claims.notes
    assert second < 0.5


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is one sentence too."""
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    client = WandbClient(LIMITS)

    with pytest.raises(WandbUnavailableError, match=r"^W&B API: "):
        client.ask({"path": "team/ocr", "ids": ["1a2b3c4d"]})


def test_without_a_key_nobody_is_prompted(
    server: WandbServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client that would ask a person for a key fails instead."""
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    runs = RemoteRuns(WandbCache(tmp_path / "cache"), WandbClient(LIMITS))

    with pytest.raises(WandbUnavailableError, match="key"):
        runs.get("team/ocr", "1a2b3c4d")

    assert server.asked == []


def test_offline_mode_is_honoured(
    server: WandbServer, monkeypatch: pytest.MonkeyPatch, runs: RemoteRuns, tmp_path: Path
) -> None:
    """`WANDB_MODE=offline` means it, though the client ignores it."""
    monkeypatch.setenv("WANDB_MODE", "offline")

    claims = gather(_checkpoint(tmp_path), [_source(runs)])

    assert claims.notes == ("W&B API: not asked, since WANDB_MODE=offline",)
    assert server.asked == []


def test_without_the_extra_the_note_names_it(
    monkeypatch: pytest.MonkeyPatch, runs: RemoteRuns, tmp_path: Path
) -> None:
    """One line says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    checkpoint = _checkpoint(tmp_path)

    claims = gather(checkpoint, [_source(runs)])

    assert claims.notes == (str(MissingExtraError("wandb", "wandb")),)


def test_a_project_that_nobody_knows_is_a_note(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """A bare run id is not enough: entity and project are said, or nothing is asked."""
    path = save_checkpoint(tmp_path / "run" / "checkpoints" / "a.ckpt")
    source = WandbApiSource(choice=WandbChoice(run="1a2b3c4d"), runs=runs)

    (fragment,) = source.collect(CheckpointFile(path))

    assert "--wandb-project" in fragment.notes[0]
    assert server.asked == []


def test_a_mapping_settles_the_run(server: WandbServer, runs: RemoteRuns, tmp_path: Path) -> None:
    """A glob names entity, project and run at once."""
    checkpoint = _checkpoint(tmp_path, "elsewhere")
    choice = WandbChoice(by_pattern={"ocr/*": "team/ocr/1a2b3c4d"}, folder=tmp_path)

    values = _values(WandbApiSource(choice=choice, runs=runs), checkpoint)

    assert values["metrics", "hmean"] == 0.875
    assert server.asked.count("runs") == 1


def test_a_score_that_disagrees_is_reported_and_not_written(
    server: WandbServer, runs: RemoteRuns, tmp_path: Path
) -> None:
    """A row of the right step that has another score is another run's."""
    server.add_run("1a2b3c4d", [{**ROWS[2], "val/hmean": 0.5}])

    (fragment,) = _source(runs).collect(_checkpoint(tmp_path))

    assert not any(field[0] == "metrics" for field in fragment.values)
    assert "conflict" in fragment.notes[0]


def test_old_answers_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing run is kept ten minutes, a finished one thirty days, broken files not at all."""
    cache = WandbCache(tmp_path / "cache")
    cache.put("a", {"state": "finished"})
    cache.put("b", {"state": "missing"})
    assert cache.get("a") == {"state": "finished"}
    assert cache.get("b") == {"state": "missing"}

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)

    assert cache.get("a") is not None
    assert cache.get("b") is None
    for file in (tmp_path / "cache").iterdir():
        file.write_text("{", encoding="utf-8")
    assert replace(cache).get("a") is None
