"""`ckpt-meta validate` and `ckpt-meta rules`, as a user and a CI see them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from checkpoint_meta.cli.main import app
from typer.testing import CliRunner

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def codes(result: Result) -> list[str]:
    """Return the codes of the findings of a run with `--format jsonl`."""
    return [json.loads(line)["code"] for line in result.stdout.splitlines()]


@pytest.fixture
def judged(outputs: Path) -> Path:
    """Return a folder of three checkpoints with right sidecars."""
    list(convert(iter_checkpoints(outputs)))
    return outputs


def edit(sidecar: Path, old: str, new: str) -> None:
    """Replace a text that stands in the sidecar once."""
    text = sidecar.read_text(encoding="utf-8")
    assert text.count(old) == 1, text
    sidecar.write_text(text.replace(old, new), encoding="utf-8")


def sidecar_of(outputs: Path) -> Path:
    """Return the first sidecar."""
    return min(outputs.rglob("*.metadata.yaml"))


def test_right_sidecars_pass(judged: Path) -> None:
    """What convert writes passes the default policy, silently on stdout."""
    result = run("validate", judged)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "all well: 3 judged" in result.stderr


def test_a_finding_names_file_line_and_column(judged: Path) -> None:
    """A wrong value is printed as compilers print, and the exit code is 1."""
    sidecar = sidecar_of(judged)
    edit(sidecar, "epoch: 1\n", "epoch: 7\n")
    lines = sidecar.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if "epoch: 7" in text)

    result = run("validate", judged, "--ignore", "CM302")

    expected = (
        f"{sidecar}:{line}:10: CM301 training.epoch: expected 1, as the checkpoint says, got 7"
    )
    assert (result.exit_code, result.stdout) == (1, f"{expected}\n")


def test_a_missing_sidecar_is_a_finding(outputs: Path) -> None:
    """Three checkpoints without sidecars are three errors."""
    result = run("validate", outputs, "--format", "jsonl")

    assert (result.exit_code, codes(result)) == (1, ["CM201"] * 3)


def test_a_gate_that_saw_nothing_is_shut(tmp_path: Path) -> None:
    """No checkpoint at all is exit 2, and 0 with `--allow-empty`."""
    assert run("validate", tmp_path).exit_code == 2
    assert run("validate", tmp_path, "--allow-empty").exit_code == 0


def test_warnings_fail_when_strict(judged: Path) -> None:
    """A warning passes, and does not with `--strict`."""
    checkpoint = next(iter_checkpoints(judged)).path
    checkpoint.with_name("last.ckpt").symlink_to("gone.ckpt")

    assert run("validate", judged).exit_code == 0
    assert run("validate", judged, "--strict").exit_code == 1


def test_one_bad_file_hides_no_other(judged: Path) -> None:
    """A sidecar that is not YAML leaves the findings about the others as they are."""
    first, second, third = sorted(judged.rglob("*.metadata.yaml"))
    first.write_text("a: [1", encoding="utf-8")
    second.unlink()
    third.write_text("schema_version: '3.0'\n", encoding="utf-8")

    result = run("validate", judged, "--format", "jsonl", "--ignore", "CM5")

    assert codes(result) == ["CM101", "CM201", "CM103"]


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_a_rule_that_there_is_not_is_a_usage_error(option: str, outputs: Path) -> None:
    """A typing error in a code is exit 2, and never lets a finding pass."""
    result = run("validate", outputs, option, "CM999")

    assert result.exit_code == 2
    assert "no rule 'CM999'" in result.stderr


def test_json_is_one_document(outputs: Path) -> None:
    """`--format json` prints one list, with and without findings."""
    with_findings = json.loads(run("validate", outputs, "--format", "json").stdout)
    without = json.loads(run("validate", outputs, "--format", "json", "--select", "CM4").stdout)

    assert [one["code"] for one in with_findings] == ["CM201"] * 3
    assert without == []


def test_rules_prints_each_rule_and_its_page() -> None:
    """`ckpt-meta rules` lists every code; with a code it prints the page."""
    everything = run("rules").stdout
    page = run("rules", "cm303").stdout

    assert "CM101  error" in everything
    assert page.startswith("CM303 impossible-hmean (error)\n\nThe hmean is not above")
    assert run("rules", "CM999").exit_code == 2


@pytest.mark.parametrize("policy", ["lightning", "ocr-detection"])
def test_policies_of_the_package_are_read(
    policy: str, judged: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`ocr-detection` asks for what a plain Lightning checkpoint does not have."""
    make_checkpoint(judged / "plain.ckpt", score=None, monitor=None)
    list(convert(iter_checkpoints(judged / "plain.ckpt")))

    result = run("validate", judged / "plain.ckpt", "--policy", policy, "--format", "jsonl")

    missing = ["CM501", "CM503", "CM503", "CM503"]
    assert codes(result) == ([] if policy == "lightning" else missing)
