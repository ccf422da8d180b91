"""What a project asks of `ckpt-meta validate`: its policy, its settings, its options."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from checkpoint_meta.cli.main import make_app
from typer.testing import CliRunner

from checkpoint_meta.convert import ConvertOptions, convert
from checkpoint_meta.paths import iter_checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(make_app(), ["validate", *map(str, arguments)])


def found(result: Result) -> list[tuple[str, str]]:
    """Return code and severity of each finding of a run with `--format jsonl`."""
    lines = map(json.loads, result.stdout.splitlines())
    return [(line["code"], line["severity"]) for line in lines]


@pytest.fixture
def judged(outputs: Path) -> Path:
    """Return a folder of three checkpoints with right sidecars; hmean is 0.75, 0.875, 0.8125."""
    list(convert(iter_checkpoints(outputs)))
    return outputs


@pytest.fixture
def project(judged: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder above `outputs`, as the current one."""
    monkeypatch.chdir(judged.parent)
    return judged.parent


def test_a_policy_says_how_much_a_rule_weighs(project: Path) -> None:
    """What is a warning there passes, not so under `--strict`; what is off is not asked."""
    for sidecar in project.rglob("*.metadata.yaml"):
        sidecar.unlink()
    policy = project / "ours.yaml"
    policy.write_text("extends: lightning\nrules: {CM2: warning}\n", encoding="utf-8")
    lax = run("outputs", "--policy", "ours.yaml", "--format", "jsonl")
    strict = run("outputs", "--policy", "ours.yaml", "--strict")
    policy.write_text("rules: {CM2: warning, CM201: off}\n", encoding="utf-8")
    off = run("outputs", "--policy", "ours.yaml", "--format", "jsonl", "--strict")

    assert (lax.exit_code, found(lax)) == (0, [("CM201", "warning")] * 3)
    assert strict.exit_code == 1
    assert (off.exit_code, found(off)) == (0, [])


def test_a_policys_floor_is_met_or_found(project: Path) -> None:
    """Each checkpoint below the floor is a finding that names its own value."""
    (project / "ours.yaml").write_text("where: ['hmean >= 0.8']\n", encoding="utf-8")

    result = run("outputs", "--policy", "ours.yaml")

    assert result.exit_code == 1
    assert result.stdout.count("CM504") == 1
    assert "not met: hmean >= 0.8 (hmean is 0.75)" in result.stdout


def test_the_settings_name_the_policy(project: Path) -> None:
    """A policy of the settings lies beside them; one of the command line wins."""
    (project / "policies").mkdir()
    (project / "policies/ours.yaml").write_text("require: [dataset.version]\n", encoding="utf-8")
    settings = project / "pyproject.toml"
    settings.write_text('[tool.checkpoint-meta]\npolicy = "policies/ours.yaml"\n', encoding="utf-8")

    assert found(run("outputs", "--format", "jsonl")) == [("CM503", "error")] * 3
    assert run("outputs", "--policy", "lightning").exit_code == 0
    assert run("outputs", "--isolated").exit_code == 0


@pytest.mark.parametrize(
    "entry", ['{rule = "CM201"}', '{rule = "CM201", reason = " "}', '{reason = "x"}', "1"]
)
def test_nothing_is_ignored_without_a_reason(entry: str, project: Path) -> None:
    """An entry without its rule or its reason is a mistake in the settings, and exit 2."""
    (project / "checkpoint-meta.toml").write_text(f"validate.ignore = [{entry}]\n", "utf-8")
    command = [sys.executable, "-m", "checkpoint_meta", "validate", "outputs"]

    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)

    assert result.returncode == 2
    assert result.stderr.startswith(f"ckpt-meta: {project}/checkpoint-meta.toml: validate.ignore")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["outputs", "outputs/", "./outputs", "outputs/*"])
def test_a_rule_is_ignored_in_a_whole_folder(path: str, project: Path) -> None:
    """A folder's own name means what lies below it, and nothing beside it."""
    for sidecar in project.rglob("*.metadata.yaml"):
        sidecar.unlink()
    shutil.copytree(project / "outputs", project / "outputs-2")
    entry = f'{{rule = "CM201", reason = "old", path = "{path}"}}'
    settings = f"[validate]\nignore = [{entry}]\n"
    (project / "checkpoint-meta.toml").write_text(settings, encoding="utf-8")

    assert run("outputs").exit_code == 0
    assert run("outputs-2").exit_code == 1


def test_what_the_settings_ignore_is_not_mended(project: Path) -> None:
    """Who keeps 1.0 for other readers has nothing upgraded, while the rest is mended."""
    list(
        convert(iter_checkpoints(project / "outputs"), options=ConvertOptions(schema_version="1.0"))
    )
    kept, misplaced, _ = sorted(project.rglob("*.metadata.yaml"))
    misplaced.rename(misplaced.with_name(misplaced.name.replace(".meta", ".ckpt.meta")))
    before = kept.read_bytes()
    entry = '{rule = "CM110", reason = "the old front end reads 1.0"}'
    settings = project / "checkpoint-meta.toml"
    settings.write_text(f"[validate]\nignore = [{entry}]\n", encoding="utf-8")

    result = run("outputs", "--fix")

    assert result.exit_code == 0
    assert misplaced.exists()
    assert kept.read_bytes() == before
    assert "CM110" not in result.stderr


def test_what_several_paths_lead_to_is_judged_once(project: Path) -> None:
    """A folder given twice, by another spelling or through a link, is judged once."""
    sidecar = min(project.rglob("*.metadata.yaml"))
    sidecar.unlink()
    (project / "link").symlink_to("outputs")

    result = run("outputs", "outputs/../outputs", "link", project / "outputs", "--format", "jsonl")

    assert found(result) == [("CM201", "error")]


def test_sidecars_of_a_mirror_folder_are_judged(project: Path) -> None:
    """With `--sidecar-dir` sidecars are looked for there, orphans too."""
    for sidecar in project.rglob("*.metadata.yaml"):
        sidecar.unlink()
    command = ["convert", "outputs", "--sidecar-dir", "mirror"]
    assert CliRunner().invoke(make_app(), command).exit_code == 0
    right = run("outputs", "--sidecar-dir", "mirror", "--format", "jsonl")
    min((project / "outputs").rglob("*.ckpt")).unlink()

    wrong = run("outputs", "--sidecar-dir", "mirror", "--format", "jsonl")

    assert found(right) == []
    assert found(wrong) == [("CM202", "error")]


def test_the_caret_stands_under_the_place(judged: Path) -> None:
    """A condition that does not parse is a usage error that shows where."""
    result = run(judged, "--require", "hmean >= 0.8 und epoch > 1")

    expression, caret = result.stderr.splitlines()[-2:]
    assert result.exit_code == 2
    assert expression[caret.index("^") :] == "und epoch > 1"


def test_deep_shows_its_progress_in_bytes(judged: Path) -> None:
    """On a terminal, the bar counts what was read of what there is to read."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "checkpoint_meta", "validate", str(judged), "--deep"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env=env) as process:
        os.close(theirs)
        shown = b"".join(_read(ours))
    total = sum(file.stat().st_size for file in judged.rglob("*.ckpt")) / 1000

    assert process.returncode == 0
    assert b"reading" in shown
    assert f"/{total:.1f} kB".encode() in shown


def _read(descriptor: int) -> list[bytes]:
    """Return what a terminal was sent until nobody has it open any more."""
    blocks = []
    while True:
        try:
            block = os.read(descriptor, 4096)
        except OSError:
            break
        if not block:
            break
        blocks.append(block)
    os.close(descriptor)
    return blocks


@pytest.mark.parametrize(
    ("suffix", "code", "reason"),
    [
        (".ckpt", "CM401", "cannot be opened (Permission denied)"),
        (".metadata.yaml", "CM101", "cannot be read (Permission denied)"),
    ],
    ids=["checkpoint", "sidecar"],
)
def test_what_may_not_be_read_is_found(
    suffix: str, code: str, reason: str, judged: Path, request: pytest.FixtureRequest
) -> None:
    """A file without permission is one finding; the files beside it are judged."""
    # Elsewhere, so that nothing is remembered of what `convert` has read.
    moved = judged.rename(judged.with_name("moved"))
    closed = min(moved.rglob(f"*{suffix}"))
    closed.chmod(0o000)
    max(moved.rglob("*.metadata.yaml")).unlink()
    request.getfixturevalue("unprivileged")

    result = run(moved)

    assert result.exit_code == 1
    assert f"{closed}: {code} {reason}\n" in result.stdout
    assert result.stdout.count("CM201") == 1
    assert len(result.stdout.splitlines()) == 2


def test_a_fifo_is_no_checkpoint(judged: Path) -> None:
    """Nobody waits for its writer."""
    os.mkfifo(judged / "f.ckpt")

    result = run(judged, "--format", "jsonl")

    assert found(result) == [("CM201", "error"), ("CM401", "error")]


def test_a_report_into_a_closed_folder_is_exit_2(
    judged: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nothing is judged, and nothing is left behind."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    request.getfixturevalue("unprivileged")

    result = run(judged, "-o", closed / "r.json")

    assert "cannot be written (Permission denied)" in str(result.exception)
    assert list(closed.iterdir()) == []
