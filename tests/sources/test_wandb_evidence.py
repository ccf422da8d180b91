"""Which W&B run a checkpoint belongs to; the runs are written by the real client, offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources import wandb_logs
from checkpoint_meta.sources.logs import LogsSource
from checkpoint_meta.sources.wandb_choice import WandbChoice, parse_run, read_wandb_map
from tests.conftest import Saved, make_run, save_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue

SCRIPT: Final = """
import sys
import wandb
for run_id, score in (("aaaaaaaa", 0.5), ("bbbbbbbb", 0.875), ("cccccccc", 0.25)):
    run = wandb.init(project="ocr", entity="team", id=run_id, mode="offline", dir=sys.argv[1])
    run.log({"val/hmean": score, "epoch": 3, "trainer/global_step": 399})
    if run_id == "cccccccc":
        artifact = wandb.Artifact(f"model-{run_id}", "model", metadata={
            "score": 0.125, "original_filename": "named.ckpt"})
        artifact.add_file(sys.argv[2], name="model.ckpt")
        run.log_artifact(artifact)
    run.finish()
"""

LOOPS: Final = {
    "fit_loop": {
        "epoch_loop.state_dict": {"_batches_that_stepped": 400},
        "epoch_progress": {"current": {"ready": 4, "processed": 4}},
    }
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose `wandb` holds three runs; the third logged `logged.ckpt`."""
    folder = tmp_path_factory.mktemp("project")
    logged = _save(folder / "outputs" / "logged" / "checkpoints" / "logged.ckpt", score=None)
    environment = {"WANDB_SILENT": "true", "HOME": str(folder), "PATH": os.defpath}
    command = [sys.executable, "-c", SCRIPT, str(folder), str(logged)]
    subprocess.run(command, env=environment, check=True)
    return folder


def _save(path: Path, score: float | None = 0.75, **extra: object) -> Path:
    saved = Saved(score=score, extra={"loops": LOOPS, **extra})
    return save_checkpoint(path, saved)


def _collect(path: Path, choice: WandbChoice | None = None) -> dict[FieldPath, JSONValue]:
    fragments = LogsSource(choice=choice).collect(CheckpointFile(path))
    return {field: value for one in fragments for field, value in one.values.items()}


def _notes(path: Path) -> str:
    fragments = LogsSource().collect(CheckpointFile(path))
    return "\n".join(note for one in fragments for note in one.notes)


def _path(project: Path, request: pytest.FixtureRequest, name: str = "a.ckpt") -> Path:
    """Return a checkpoint's path in a run of its own."""
    run = project / "outputs" / str(request.node.name).replace("/", "-")
    return run / "checkpoints" / name


def test_the_md5_of_an_artifact_is_the_strongest(project: Path) -> None:
    """A file that a run logged is that run's, even with no score and another folder's name."""
    path = project / "outputs" / "logged" / "checkpoints" / "logged.ckpt"

    assert _collect(path)["wandb", "run_id"] == "cccccccc"
    assert "by an artifact with its MD5" in _notes(path)


@pytest.mark.parametrize(
    "extra",
    [
        {"hyper_parameters": {"wandb_run_id": "aaaaaaaa"}},
        {"wandb": {"run_id": "aaaaaaaa"}},
    ],
    ids=["hyper-parameters", "a key of its own"],
)
def test_an_id_in_the_checkpoint(
    extra: dict[str, object], project: Path, request: pytest.FixtureRequest
) -> None:
    """A run id that the checkpoint says outranks a score that another run has."""
    path = _save(_path(project, request), score=0.875, **extra)

    assert _collect(path)["wandb", "run_id"] == "aaaaaaaa"


def test_an_id_in_the_hydra_configuration(project: Path, request: pytest.FixtureRequest) -> None:
    """`logger.wandb.id` says it as well."""
    path = _path(project, request)
    make_run(path.parent.parent, "logger: {wandb: {id: aaaaaaaa}}\n")

    values = _collect(_save(path))

    assert values["wandb_run_id",] == "aaaaaaaa"
    assert values["wandb", "entity"] == "team"


def test_the_folder_of_the_run(project: Path) -> None:
    """WandbLogger puts checkpoints into `<project>/<run_id>/checkpoints`."""
    path = _save(project / "ocr" / "aaaaaaaa" / "checkpoints" / "a.ckpt")

    assert _collect(path)["wandb", "run_id"] == "aaaaaaaa"


def test_the_folder_that_modelcheckpoint_remembers(
    project: Path, request: pytest.FixtureRequest
) -> None:
    """A checkpoint that was moved remembers where it was written, on whatever system."""
    state = {"best_model_path": "", "monitor": None, "dirpath": "C:\\ocr\\aaaaaaaa\\checkpoints"}
    path = _save(_path(project, request), callbacks={"ModelCheckpoint": state})

    assert _collect(path)["wandb", "run_id"] == "aaaaaaaa"


def test_the_score_at_its_step(project: Path, request: pytest.FixtureRequest) -> None:
    """Among look-alike runs the one whose row carries the checkpoint's score is its run."""
    path = _save(_path(project, request), score=0.875)
    values = _collect(path)

    assert values["wandb", "run_id"] == "bbbbbbbb"
    assert values["metrics", "hmean"] == 0.875


def test_an_artifacts_file_name_and_score(project: Path, request: pytest.FixtureRequest) -> None:
    """W&B's artifact remembers the file's name and score, if not its bytes."""
    path = _save(_path(project, request, "named.ckpt"), score=0.125)

    assert _collect(path)["wandb", "run_id"] == "cccccccc"
    assert "file name and score" in _notes(path)


def test_ambiguous_names_the_candidates(project: Path, request: pytest.FixtureRequest) -> None:
    """Where nothing tells the run, nothing is claimed, and the candidates are named."""
    path = _save(_path(project, request), score=0.75)
    notes = _notes(path)

    assert _collect(path) == {}
    assert "ambiguous between aaaaaaaa, bbbbbbbb, cccccccc; --wandb-run" in notes


def test_the_user_settles_it(project: Path, request: pytest.FixtureRequest) -> None:
    """`--wandb-run` and `--wandb-map` say the run; a row with another score is still not taken."""
    path = _save(_path(project, request), score=0.75)
    by_pattern = {"outputs/*": "team/ocr/aaaaaaaa"}

    by_run = _collect(path, WandbChoice(run="aaaaaaaa"))
    by_map = _collect(path, WandbChoice(by_pattern=by_pattern, folder=project))
    by_other = _collect(path, WandbChoice(by_pattern={"elsewhere/*": "aaaaaaaa"}, folder=project))

    assert by_run["wandb", "run_id"] == by_map["wandb", "run_id"] == "aaaaaaaa"
    assert not any(field[0] == "metrics" for field in by_run)
    assert by_other == {}


@pytest.mark.parametrize("pattern", ["**/a.ckpt", "outputs/**/a.ckpt", "**/run/**/a.ckpt", "/**"])
def test_two_stars_stand_for_any_number_of_folders(pattern: str, tmp_path: Path) -> None:
    """Also for none, as in the globs of every other tool."""
    choice = WandbChoice(by_pattern={pattern: "aaaaaaaa"}, folder=tmp_path)
    deep, flat = tmp_path / "outputs" / "run" / "x" / "a.ckpt", tmp_path / "outputs" / "a.ckpt"
    near = tmp_path / "outputs" / "run" / "a.ckpt"

    assert choice.run_of(CheckpointFile(deep)) == choice.run_of(CheckpointFile(near))
    assert choice.run_of(CheckpointFile(near)) is not None
    assert (choice.run_of(CheckpointFile(flat)) is None) is ("run" in pattern)


def test_a_glob_that_fits_no_checkpoint_is_known(tmp_path: Path) -> None:
    """So that a typo in a mapping file is told, and not taken for "no run"."""
    choice = WandbChoice(by_pattern={"a/*": "aaaaaaaa", "b/*": "bbbbbbbb"}, folder=tmp_path)

    assert choice.unused([CheckpointFile(tmp_path / "a" / "x.ckpt")]) == ["b/*"]


def test_a_run_without_local_files_is_still_named_by_the_user(tmp_path: Path) -> None:
    """What the user says of the run stands in the sidecar, whether or not its files are here."""
    path = _save(tmp_path / "run" / "checkpoints" / "a.ckpt")

    values = _collect(path, WandbChoice(run="team/ocr/aaaaaaaa"))

    assert values["wandb_run_id",] == "aaaaaaaa"


def test_the_only_run_around_needs_proof(
    project: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One W&B run beside many outputs is not the run of each of them."""
    (only,) = project.glob("wandb/offline-run-*-aaaaaaaa")
    shutil.copytree(only, tmp_path / "wandb" / only.name)
    around = _save(_path(tmp_path, request), score=None)
    proved = _save(_path(tmp_path, request, "b.ckpt"), score=0.5)

    assert _collect(around) == {}
    assert "nothing shows that it is this one's" in _notes(around)
    assert _collect(proved)["wandb", "run_id"] == "aaaaaaaa"


def test_the_only_run_of_its_own_output_is_its_run(project: Path, tmp_path: Path) -> None:
    """A `wandb` folder in the Hydra output is that run's."""
    (only,) = project.glob("wandb/offline-run-*-aaaaaaaa")
    run = make_run(tmp_path / "run", "exp_name: demo\n")
    shutil.copytree(only, run / "wandb" / only.name)

    values = _collect(_save(run / "checkpoints" / "a.ckpt", score=None))

    assert values["wandb", "run_id"] == "aaaaaaaa"
    assert values["metrics", "hmean"] == 0.5


def _twins(project: Path, folder: Path) -> tuple[Path, Path]:
    """Copy one run twice under two ids, and return the two files."""
    (found,) = project.glob("wandb/offline-run-*-bbbbbbbb/*.wandb")
    copies = []
    for run_id in ("dddddddd", "eeeeeeee"):
        copy = folder / "wandb" / f"offline-run-20261123_210900-{run_id}" / f"run-{run_id}.wandb"
        copy.parent.mkdir(parents=True)
        shutil.copy(found, copy)
        copies.append(copy)
    return copies[0], copies[1]


def test_time_breaks_a_tie(project: Path, tmp_path: Path) -> None:
    """Of two runs with the right score the one that was running then is taken; else neither."""
    first, second = _twins(project, tmp_path)
    path = _save(tmp_path / "run" / "checkpoints" / "a.ckpt", score=0.875)
    now = path.stat().st_mtime
    os.utime(first, (now + 5, now + 5))
    os.utime(second, (now - 5, now - 5))

    assert _collect(path)["wandb", "run_id"] == "dddddddd"

    os.utime(second, (now + 5, now + 5))

    assert _collect(path) == {}
    assert "ambiguous between dddddddd, eeeeeeee" in _notes(path)


def test_a_run_that_was_resumed_offline_is_one_run(project: Path, tmp_path: Path) -> None:
    """Two files of one id are read together: the row may stand in either."""
    run_files = {
        "20261123_210900": next(project.glob("wandb/*-bbbbbbbb/*.wandb")),
        "20261123_220900": next(project.glob("wandb/*-aaaaaaaa/*.wandb")),
    }
    for time, file in run_files.items():
        copy = tmp_path / "wandb" / f"offline-run-{time}-bbbbbbbb" / "run-bbbbbbbb.wandb"
        copy.parent.mkdir(parents=True)
        shutil.copy(file, copy)

    for score in (0.875, 0.5):
        path = _save(tmp_path / "run" / "checkpoints" / f"{score}.ckpt", score=score)
        assert _collect(path)["metrics", "hmean"] == score


def test_more_than_can_be_searched_is_said(
    project: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of endless runs is not searched for a score; a named run is still found."""
    monkeypatch.setattr(wandb_logs, "MOST_BYTES", 100)
    by_score = _save(_path(project, request), score=0.875)
    by_folder = _save(project / "ocr" / "bbbbbbbb" / "checkpoints" / "b.ckpt", score=0.875)

    assert _collect(by_score) == {}
    assert "--wandb-run says which one it is" in _notes(by_score)
    assert _collect(by_folder)["wandb", "run_id"] == "bbbbbbbb"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1a2b3c4d", ("1a2b3c4d", None, None)),
        ("ocr/1a2b3c4d", ("1a2b3c4d", "ocr", None)),
        ("team/ocr/1a2b3c4d", ("1a2b3c4d", "ocr", "team")),
        ("/team/ocr/runs/1a2b3c4d", ("1a2b3c4d", "ocr", "team")),
    ],
)
def test_a_run_as_people_write_it(text: str, parts: tuple[str, str | None, str | None]) -> None:
    """Id alone, with its project, with its entity, or as the address bar shows it."""
    run = parse_run(text)

    assert (run.run_id, run.project, run.entity) == parts


def test_a_mapping_file_is_yaml_or_json(tmp_path: Path) -> None:
    """Globs to runs, relative to the file."""
    file = tmp_path / "runs.json"
    file.write_text('{"outputs/a/*": "team/ocr/1a2b3c4d"}', encoding="utf-8")

    assert read_wandb_map(file) == {"outputs/a/*": "team/ocr/1a2b3c4d"}
