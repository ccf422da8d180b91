from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.commands import CKPT_META, ckpt_meta

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_one_line_for_each_checkpoint(outputs: Path) -> None:
    """Outcomes go to stdout, counts and rate to stderr."""
    result = ckpt_meta(outputs.parent, "convert", "outputs")

    folder = "outputs/2026-11-23/21-09-00/checkpoints"
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        f"created   {folder}/epoch={epoch}-step={epoch * 100}.metadata.yaml" for epoch in (1, 2, 3)
    ]
    assert result.stderr.startswith("3 created in ")
    assert "checkpoints/s" in result.stderr


def test_the_second_run_says_that_nothing_changed(outputs: Path) -> None:
    """`unchanged` for each, and nothing else."""
    ckpt_meta(outputs.parent, "convert", "outputs")

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert {line.split()[0] for line in result.stdout.splitlines()} == {"unchanged"}
    assert result.stderr.startswith("3 unchanged in ")


def test_a_dry_run_with_its_diff(outputs: Path) -> None:
    """The diff is what `diff -u` would print, and nothing is written."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--dry-run", "--diff")

    assert "would be created " in result.stdout
    assert '+schema_version: "2.0"' in result.stdout
    assert result.stderr.startswith("dry run, nothing written: 3 created in ")
    assert not list(outputs.rglob("*.metadata.yaml"))


def test_a_glob_of_the_mapping_that_fits_nothing_is_said(outputs: Path) -> None:
    """A typo in a mapping file does not pass for a run that nobody knows."""
    (outputs.parent / "runs.json").write_text('{"**/*=1-*": "e/p/a", "output/*": "e/p/b"}')

    result = ckpt_meta(outputs.parent, "convert", "outputs", "--wandb-map", "runs.json")

    said, counted = result.stderr.splitlines()
    assert said == "runs.json: no checkpoint here fits 'output/*'"
    assert counted.startswith("3 created")


def test_a_mirror_folder_that_is_a_file_is_said_once(outputs: Path) -> None:
    """Before anything is read, and not once for each checkpoint."""
    (outputs.parent / "mirror").write_text("a file")

    result = ckpt_meta(outputs.parent, "convert", "outputs", "--sidecar-dir", "mirror")

    assert result.returncode == 2
    assert result.stderr == "ckpt-meta: mirror: --sidecar-dir names a file, not a folder\n"


def test_1_0_says_what_to_do_about_what_it_demands(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """A checkpoint of weights alone has no mode, which a 1.0 sidecar must have."""
    make_checkpoint(tmp_path / "a.ckpt", extra={"callbacks": {}})

    result = ckpt_meta(tmp_path, "convert", ".", "--schema", "1.0")

    assert result.returncode == 1
    assert result.stdout == (
        "failed    a.ckpt: checkpointing.mode: nobody knows it, and schema 1.0 demands it; "
        "write 2.0, or say it in a 2.0 sidecar first\n"
    )


def test_json_is_one_document(outputs: Path) -> None:
    """The documented shape, whatever the terminal."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--format", "json")

    (first, *_) = json.loads(result.stdout)
    folder = "outputs/2026-11-23/21-09-00/checkpoints"
    assert first == {
        "checkpoint": f"{folder}/epoch=1-step=100.ckpt",
        "outcome": "created",
        "sidecar": f"{folder}/epoch=1-step=100.metadata.yaml",
        "conflicts": [],
        "notes": [],
        "reason": None,
    }


def test_jsonl_is_one_line_each(outputs: Path) -> None:
    """Three checkpoints, three lines."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--format", "jsonl")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["created"] * 3


def test_explain_names_the_source_of_each_value(outputs: Path) -> None:
    """Field, value, source and place, other claims."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--explain", "-n")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "field value from other claims" in lines
    assert "training.max_epochs 30 hydra: ../.hydra/config.yaml" in lines
    assert "exp_name demo hydra: ../.hydra/config.yaml" in lines


def test_explain_speaks_of_what_is_up_to_date_too(outputs: Path) -> None:
    """The second run explains what the first one did, other claims included, and writes nothing."""
    sidecar = next(outputs.rglob("epoch=2-*.ckpt")).with_name("epoch=2-step=200.metadata.yaml")
    renamed = next(outputs.rglob("epoch=2-*.ckpt"))
    renamed.rename(renamed.with_name("epoch=9-step=200.ckpt"))
    sidecar = sidecar.with_name("epoch=9-step=200.metadata.yaml")
    first = ckpt_meta(outputs.parent, "convert", "outputs", "--explain")
    before = sidecar.stat().st_mtime_ns

    second = ckpt_meta(outputs.parent, "convert", "outputs", "--explain")

    assert [line.split()[0] for line in second.stdout.splitlines() if line[0] != " "] == [
        "unchanged"
    ] * 3
    tables = [
        [line for line in run.stdout.splitlines() if line[0] == " "] for run in (first, second)
    ]
    assert tables[0] == tables[1]
    assert any("training.epoch" in line and "9 (filename" in line for line in tables[1])
    assert sidecar.stat().st_mtime_ns == before


def test_explain_in_json_has_values_and_their_sources(outputs: Path) -> None:
    """Keys by field, in the document's own names; `null` where nothing was resolved."""
    run = ("convert", "outputs", "--explain", "--format", "jsonl")
    first = json.loads(ckpt_meta(outputs.parent, *run).stdout.splitlines()[0])
    (outputs / "broken.ckpt").write_bytes(b"not a checkpoint")
    last = json.loads(ckpt_meta(outputs.parent, *run).stdout.splitlines()[-1])

    assert first["values"]["training.max_epochs"] == 30
    assert first["provenance"]["training.max_epochs"] == {
        "source": "hydra",
        "location": "../.hydra/config.yaml",
    }
    assert last["outcome"] == "failed"
    assert last["values"] is None


def test_a_diff_is_written_too(outputs: Path) -> None:
    """Without -n the sidecars are written and shown, and the help says so."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--diff")

    assert '+schema_version: "2.0"' in result.stdout
    assert len(list(outputs.rglob("*.metadata.yaml"))) == 3
    assert "written too unless" in " ".join(ckpt_meta(outputs, "convert", "--help").stdout.split())


def test_the_sources_that_are_always_asked_are_marked(tmp_path: Path) -> None:
    """What is listed without a mark can be given to --source."""
    lines = ckpt_meta(tmp_path, "convert", "--list-sources").stdout.splitlines()

    marked = [line for line in lines if line.endswith(" (always asked, not selectable)")]
    assert [line.split()[0] for line in marked] == ["pinned", "training"]
    for name in (line for line in lines if line not in marked):
        assert ckpt_meta(tmp_path, "convert", ".", "--source", name).returncode == 0


def test_a_failure_is_one_line_and_exit_1(outputs: Path) -> None:
    """The bad file is named once; the others are converted."""
    bad = next(outputs.rglob("epoch=2-*.ckpt"))
    bad.write_bytes(b"not a checkpoint")

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert result.returncode == 1
    (failed,) = (line for line in result.stdout.splitlines() if line.startswith("failed"))
    assert failed.count(bad.name) == 1
    assert result.stderr.startswith("2 created, 1 failed in ")
    assert "Traceback" not in result.stderr


def test_a_name_with_a_newline_stays_on_one_line(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Control characters of a name never reach the terminal."""
    make_checkpoint(tmp_path / "a\nb\x1b[31m.ckpt")

    result = ckpt_meta(tmp_path, "convert", ".")

    assert result.stdout == "created   a\\nb\\x1b[31m.metadata.yaml\n"


@pytest.mark.parametrize("command", ["convert", "validate", "list", "best", "show", "index build"])
def test_a_path_that_does_not_exist_is_exit_2(tmp_path: Path, command: str) -> None:
    """A typing error must not look like success, nor like a finding; it sounds alike everywhere."""
    result = ckpt_meta(tmp_path, *command.split(), "nowhere")

    assert result.returncode == 2
    assert result.stderr == "ckpt-meta: nowhere: no such file or folder\n"


def test_a_sidecar_given_as_path_is_skipped(outputs: Path) -> None:
    """It says so, and no sidecar of a sidecar is written."""
    ckpt_meta(outputs.parent, "convert", "outputs")
    sidecar = next(outputs.rglob("*.metadata.yaml"))

    result = ckpt_meta(outputs.parent, "convert", str(sidecar))

    assert result.returncode == 0
    assert result.stdout == f"skipped   {sidecar}: a sidecar, not a checkpoint\n"
    assert len(list(outputs.rglob("*.metadata.*"))) == 3


def test_a_folder_without_checkpoints_is_said(tmp_path: Path) -> None:
    """Exit 0: there was nothing to do."""
    result = ckpt_meta(tmp_path, "convert", ".")

    assert result.returncode == 0
    assert result.stderr.startswith(".: no checkpoint found\n")


def test_an_unknown_source_is_a_usage_error(tmp_path: Path) -> None:
    """The message lists the names that there are."""
    result = ckpt_meta(tmp_path, "convert", ".", "--source", "nonsense")

    assert result.returncode == 2
    assert "Invalid value for --source: no source 'nonsense'" in result.stderr
    assert "hydra" in result.stderr


def test_a_source_can_be_left_out(outputs: Path) -> None:
    """Without Hydra, the experiment is called as its folder."""
    ckpt_meta(outputs.parent, "convert", "outputs", "--no-source", "hydra")

    text = next(outputs.rglob("*.metadata.yaml")).read_text(encoding="utf-8")
    assert "exp_name: 21-09-00" in text or 'exp_name: "21-09-00"' in text
    assert "hydra" not in text


def test_sidecars_in_a_mirror_folder(outputs: Path) -> None:
    """With --sidecar-dir the outputs folder stays as it was."""
    result = ckpt_meta(outputs.parent, "convert", "outputs", "--sidecar-dir", "mirror")

    assert result.returncode == 0
    assert not list(outputs.rglob("*.metadata.yaml"))
    mirrored = outputs.parent / "mirror" / "outputs" / "2026-11-23" / "21-09-00" / "checkpoints"
    assert len(list(mirrored.glob("*.metadata.yaml"))) == 3
    again = ckpt_meta(outputs.parent, "convert", "outputs", "--sidecar-dir", "mirror")
    assert again.stderr.startswith("3 unchanged")


@pytest.mark.parametrize("paths", [["two"], ["two/r1", "two/r2"], ["two/r1/a.ckpt", "two/r2"]])
@pytest.mark.parametrize("is_set", [True, False], ids=["setting", "option"])
def test_the_mirror_is_the_same_whatever_is_searched(
    paths: list[str], is_set: bool, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Two runs never share a sidecar, and each finds its own again from another PATH."""
    for run in ("r1", "r2"):
        make_checkpoint(tmp_path / "two" / run / "a.ckpt")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.checkpoint-meta]\nsidecar_dir = "m"\n' if is_set else "", encoding="utf-8"
    )
    option = [] if is_set else ["--sidecar-dir", "m"]

    ckpt_meta(tmp_path, "convert", *paths, *option)

    sidecars = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.metadata.yaml"))
    assert [path.as_posix() for path in sidecars] == [
        "m/two/r1/a.metadata.yaml",
        "m/two/r2/a.metadata.yaml",
    ]
    again = ckpt_meta(tmp_path, "convert", "two", *option)
    assert again.stderr.startswith("2 unchanged")
    listed = ckpt_meta(tmp_path, "list", "two/r2", *option, "--format", "json")
    assert "ok" in listed.stdout
    assert "missing" not in listed.stdout
    checked = ckpt_meta(tmp_path, "validate", "two/r1", *option)
    assert "without" not in checked.stdout


def test_the_mirror_of_a_setting_stays_where_the_setting_is(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """From a folder below the settings the sidecar goes to the same place."""
    make_checkpoint(tmp_path / "two" / "r1" / "a.ckpt")
    (tmp_path / "checkpoint-meta.toml").write_text('sidecar_dir = "m"\n', encoding="utf-8")

    ckpt_meta(tmp_path / "two", "convert", "r1")
    ckpt_meta(tmp_path / "two" / "r1", "convert", "../r1/a.ckpt")

    (sidecar,) = tmp_path.rglob("*.metadata.yaml")
    assert sidecar == tmp_path / "m" / "two" / "r1" / "a.metadata.yaml"


def test_a_checkpoint_outside_is_mirrored_by_its_whole_path(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Nothing is written outside of the mirror, and nothing twice to one place."""
    path = make_checkpoint(tmp_path / "far" / "a.ckpt")
    (tmp_path / "here").mkdir()

    ckpt_meta(tmp_path / "here", "convert", "../far", "--sidecar-dir", "m")

    (sidecar,) = tmp_path.rglob("*.metadata.yaml")
    mirrored = tmp_path / "here" / "m" / path.parent.relative_to(path.anchor)
    assert sidecar == mirrored / "a.metadata.yaml"


def test_a_closed_pipe_ends_quietly(outputs: Path) -> None:
    """`ckpt-meta convert | head -0` is no error."""
    command = f"{' '.join(CKPT_META)} convert outputs --explain --format jsonl | true"

    result = subprocess.run(
        ["bash", "-c", command], cwd=outputs.parent, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr


def test_ctrl_c_ends_within_a_second(outputs: Path) -> None:
    """130, no half-written file, and what was done stays done."""
    folder = next(outputs.rglob("checkpoints"))
    template = next(folder.glob("*.ckpt"))
    for number in range(600):
        shutil.copy(template, folder / f"copy{number}.ckpt")
    process = subprocess.Popen(
        [*CKPT_META, "convert", "outputs", "--jobs", "2"],
        cwd=outputs.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not list(folder.glob("*.metadata.yaml")) and time.monotonic() < deadline:
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, errors = process.communicate(timeout=20)

    assert process.returncode == 130
    assert time.monotonic() - started < 10
    assert "Traceback" not in errors
    assert not list(folder.glob("*.partial"))
    sidecars = list(folder.glob("*.metadata.yaml"))
    assert 0 < len(sidecars) < 603
    assert all(path.read_text(encoding="utf-8").endswith("]\n") for path in sidecars)


def test_a_sidecar_that_cannot_be_written(outputs: Path) -> None:
    """Where the disk refuses (here: a folder stands under the name), that one fails."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    checkpoint.with_name("epoch=2-step=200.metadata.yaml").mkdir()

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert result.returncode == 1
    (failed,) = (line for line in result.stdout.splitlines() if line.startswith("failed"))
    assert "epoch=2-step=200.metadata.yaml" in failed
    assert not list(outputs.rglob("*.partial"))


def test_a_setting_that_there_is_not_is_exit_2(outputs: Path) -> None:
    """The message names the file, the setting and those that there are."""
    (outputs.parent / "checkpoint-meta.toml").write_text("polciy = 'x'\n", encoding="utf-8")

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert result.returncode == 2
    assert "checkpoint-meta.toml: checkpoint-meta: no setting 'polciy'" in result.stderr
    assert ckpt_meta(outputs.parent, "convert", "outputs", "--isolated").returncode == 0


def test_metric_names_are_a_setting(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    """`metrics = {hmean = "val/score"}` says which logged name is meant."""
    make_checkpoint(tmp_path / "x.ckpt", monitor="val/score", score=0.5)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.checkpoint-meta]\nmetrics = { hmean = "val/score" }\n', encoding="utf-8"
    )

    ckpt_meta(tmp_path, "convert", ".")

    assert "hmean: 0.5" in (tmp_path / "x.metadata.yaml").read_text(encoding="utf-8")
