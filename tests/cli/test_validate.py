"""`ckpt-meta validate` and `ckpt-meta rules`, as a user and a CI see them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from checkpoint_meta.cli.main import make_app
from typer.testing import CliRunner

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(make_app(), [str(argument) for argument in arguments])


def main(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as users do, in a process of its own."""
    command = [sys.executable, "-m", "checkpoint_meta", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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
    shut = run("validate", tmp_path, "--quiet")
    assert shut.exit_code == 2
    assert "no checkpoint found" in shut.stderr
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


def test_a_name_with_everything_in_it_is_one_line(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Spaces, `=`, `[`, a newline and non-ASCII: one line each, the newline escaped."""
    make_checkpoint(tmp_path / "a b=[ü]\n.ckpt")

    result = run("validate", tmp_path)

    assert len(result.stdout.splitlines()) == 1
    assert "a b=[ü]\\n.ckpt: CM201" in result.stdout


def test_require_adds_a_condition(judged: Path) -> None:
    """Only the checkpoint that meets the condition passes; NaN and missing values never do."""
    met = run("validate", judged, "--require", "hmean >= 0.875", "--format", "jsonl")
    missing = run("validate", judged, "--require", "validation_loss < 9", "--format", "jsonl")

    assert codes(met) == ["CM504", "CM504"]
    assert codes(missing) == ["CM504"] * 3


def test_a_condition_on_a_misspelled_field_is_a_usage_error(judged: Path) -> None:
    """Nobody is told that each checkpoint lacks what there is not."""
    result = main("validate", judged, "--require", "training.epohc >= 1")

    assert result.returncode == 2
    assert "no field 'training.epohc'; did you mean 'training.epoch'?" in result.stderr


def test_a_condition_that_does_not_parse_has_a_caret(judged: Path) -> None:
    """A usage error shows the place in the expression."""
    result = run("validate", judged, "--require", "hmean >> 1")

    assert result.exit_code == 2
    assert "^" in result.stderr


def test_a_policy_with_a_mistake_is_exit_2(judged: Path, tmp_path: Path) -> None:
    """The mistake is told with its place, and nothing is judged."""
    policy = tmp_path / "ours.yaml"
    policy.write_text("require: [metrics.hmaen]\n", encoding="utf-8")

    result = main("validate", judged, "--policy", policy)

    assert (result.returncode, result.stdout) == (2, "")
    expected = f"ckpt-meta: {policy}:1:11: require.0: no field 'metrics.hmaen'"
    assert result.stderr.startswith(expected)


def test_a_policys_condition_has_its_caret_on_the_terminal(judged: Path, tmp_path: Path) -> None:
    """The caret is printed on a line of its own, below the place in the expression."""
    policy = tmp_path / "ours.yaml"
    policy.write_text("where: ['hmean >> 1']\nrequire: [a..b]\n", encoding="utf-8")

    result = main("validate", judged, "--policy", policy)
    _, first, expression, caret = result.stderr.splitlines()

    assert result.returncode == 2
    assert first.startswith(f"{policy}:1:9: where.0: ")
    assert (expression, caret) == ("  hmean >> 1", "         ^")


def test_several_reports_in_one_run(outputs: Path, tmp_path: Path) -> None:
    """Text goes to stdout while SARIF and JUnit go to files."""
    sarif, junit = tmp_path / "r.sarif", tmp_path / "r.xml"

    result = run("validate", outputs, "--report", f"sarif={sarif}", "--report", f"junit={junit}")

    assert result.stdout.count("CM201") == 3
    assert len(json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]) == 3
    assert 'failures="3"' in junit.read_text(encoding="utf-8")


def test_output_goes_to_a_file(outputs: Path, tmp_path: Path) -> None:
    """With `-o` stdout stays empty."""
    result = run("validate", outputs, "--format", "json", "-o", tmp_path / "r.json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert len(json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))) == 3


def test_a_dash_is_stdout(outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with other programs: no file of that name is written."""
    monkeypatch.chdir(tmp_path)

    result = run("validate", outputs, "--format", "jsonl", "-o", "-")

    assert codes(result) == ["CM201"] * 3
    assert not (tmp_path / "-").exists()


def test_a_report_that_cannot_be_written_is_exit_2(outputs: Path, tmp_path: Path) -> None:
    """Nothing is half-written: the other report is not there either."""
    first, second = tmp_path / "r.sarif", tmp_path / "nope" / "r.xml"

    result = main("validate", outputs, "--report", f"sarif={first}", "--report", f"junit={second}")

    assert result.returncode == 2
    assert "cannot be written" in result.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["outputs"]


@pytest.mark.parametrize(
    "options",
    [
        ("--report", "sarif"),
        ("--report", "pdf=x"),
        ("--report", "json=-"),
        ("--report", "json=x", "--report", "sarif=x"),
        ("--dry-run",),
        ("--unsafe-fixes",),
        ("--write-baseline", "baseline.json", "--report", "sarif=report.sarif"),
        ("--write-baseline", "baseline.json", "-o", "report.txt"),
    ],
    ids=[
        "no-file",
        "no-format",
        "report-on-stdout",
        "one-file",
        "dry-run-alone",
        "unsafe-alone",
        "new-report",
        "new-o",
    ],
)
def test_usage_errors(options: tuple[str, ...], outputs: Path) -> None:
    """Options that cannot be meant are exit 2."""
    assert run("validate", outputs, *options).exit_code == 2


def test_a_baseline_lets_known_findings_pass(judged: Path, tmp_path: Path) -> None:
    """What was found before passes, also after lines have moved; what is new fails."""
    baseline, sidecar = tmp_path / "baseline.json", sidecar_of(judged)
    edit(sidecar, "epoch: 1\n", "epoch: 7\n")
    written = run("validate", judged, "--write-baseline", baseline)
    sidecar.write_text("# a comment\n" + sidecar.read_text(encoding="utf-8"), encoding="utf-8")
    known = run("validate", judged, "--baseline", baseline)
    max(judged.rglob("*.metadata.yaml")).unlink()
    new = run("validate", judged, "--baseline", baseline, "--format", "jsonl")

    assert (written.exit_code, known.exit_code, known.stdout) == (0, 0, "")
    assert "2 known" in known.stderr
    assert (new.exit_code, codes(new)) == (1, ["CM201"])


def test_another_value_is_another_finding(judged: Path, tmp_path: Path) -> None:
    """A baseline lets the value pass that it knows, and no other wrong one."""
    baseline = tmp_path / "baseline.json"
    edit(sidecar_of(judged), "epoch: 1\n", "epoch: 7\n")
    run("validate", judged, "--write-baseline", baseline)
    edit(sidecar_of(judged), "epoch: 7\n", "epoch: 8\n")

    result = run(
        "validate", judged, "--baseline", baseline, "--format", "jsonl", "--select", "CM301"
    )

    assert codes(result) == ["CM301"]


def test_a_baseline_lets_no_worse_value_pass(judged: Path, tmp_path: Path) -> None:
    """A condition that was missed by little is missed by more: that is new."""
    baseline, sidecar = tmp_path / "baseline.json", sidecar_of(judged)
    asked = ("--require", "hmean >= 0.9", "--select", "CM504", "--format", "jsonl")
    run("validate", judged, *asked, "--write-baseline", baseline)
    known = run("validate", judged, *asked, "--baseline", baseline)
    edit(sidecar, "\n  hmean: 0.75\n", "\n  hmean: 0.25\n")

    worse = run("validate", judged, *asked, "--baseline", baseline)

    assert codes(known) == []
    assert codes(worse) == ["CM504"]


def test_a_baseline_tells_damaged_entries_apart(judged: Path, tmp_path: Path) -> None:
    """An entry of a checkpoint that is damaged as well is new."""
    baseline, checkpoint = tmp_path / "baseline.json", min(judged.rglob("*.ckpt"))
    asked = ("--deep", "--select", "CM406", "--format", "jsonl")
    with zipfile.ZipFile(checkpoint) as archive:
        version, byteorder = (
            next(one for one in archive.infolist() if one.filename.endswith(name))
            for name in ("/version", "/byteorder")
        )
    damage(checkpoint, version)
    run("validate", judged, *asked, "--write-baseline", baseline)
    known = run("validate", judged, *asked, "--baseline", baseline)
    damage(checkpoint, byteorder)

    both = run("validate", judged, *asked, "--baseline", baseline)

    assert codes(known) == []
    assert codes(both) == ["CM406"]


def damage(checkpoint: Path, entry: zipfile.ZipInfo) -> None:
    """Change the last byte of an entry of a zip."""
    with checkpoint.open("r+b") as stream:
        stream.seek(entry.header_offset + 26)
        lengths = sum(int.from_bytes(stream.read(2), "little") for _ in range(2))
        stream.seek(entry.header_offset + 30 + lengths + entry.file_size - 1)
        stream.write(b"\xee")


def test_nothing_found_is_a_whole_report_too(tmp_path: Path) -> None:
    """What uploads the reports finds each of them, also where `--allow-empty` lets pass."""
    report = tmp_path / "report.sarif"
    (tmp_path / "outputs").mkdir()

    result = run(
        "validate",
        tmp_path / "outputs",
        "--allow-empty",
        *("--format", "json", "--report", f"sarif={report}"),
    )

    assert result.exit_code == 0
    assert json.loads(result.stdout) == []
    assert json.loads(report.read_text(encoding="utf-8"))["runs"][0]["results"] == []
    assert "no checkpoint found" in result.stderr


def test_a_new_baseline_says_what_came_and_went(judged: Path, tmp_path: Path) -> None:
    """Writing it anew shows the difference; the same findings make the same file."""
    baseline = tmp_path / "baseline.json"
    first, second, _ = sorted(judged.rglob("*.metadata.yaml"))
    first.rename(tmp_path / "aside")
    run("validate", judged, "--write-baseline", baseline)
    before = baseline.read_bytes()
    again = run("validate", judged, "--write-baseline", baseline)
    assert baseline.read_bytes() == before
    (tmp_path / "aside").rename(first)
    second.unlink()

    result = run("validate", judged, "--write-baseline", baseline)

    assert "(0 came, 0 went)" in again.stderr
    assert "(1 came, 1 went)" in result.stderr
    assert "\n- " in f"\n{result.stderr}"
    assert "\n+ " in f"\n{result.stderr}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"baseline_version": 7, "findings": []}', "a baseline of version 7, expected 1"),
        ("[]", "not a baseline"),
        ("{", "not a baseline"),
        ('{"baseline_version": 1, "findings": [{}]}', "a finding lacks"),
        ('{"baseline_version": true, "findings": []}', "a baseline of version True"),
        ('{"baseline_version": 1}', "no list of findings"),
        ('{"baseline_version": 1, "findings": 3}', "no list of findings"),
        ("[" * 100_000, "not a baseline"),
    ],
    ids=["version", "list", "broken", "entry", "true", "none", "number", "deep"],
)
def test_a_baseline_that_cannot_be_used_is_exit_2(
    text: str, reason: str, judged: Path, tmp_path: Path
) -> None:
    """A baseline of another version lets nothing pass."""
    baseline = tmp_path / "baseline.json"
    baseline.write_text(text, encoding="utf-8")

    result = main("validate", judged, "--baseline", baseline)

    assert result.returncode == 2
    assert reason in result.stderr


def test_fix_mends_and_judges_again(judged: Path) -> None:
    """A misplaced sidecar is renamed, and the same run passes."""
    sidecar = sidecar_of(judged)
    stem = sidecar.name.removesuffix(".metadata.yaml")
    sidecar.rename(sidecar.with_name(f"{stem}.ckpt.metadata.yaml"))

    dry = run("validate", judged, "--fix", "--dry-run", "--format", "jsonl")
    assert (dry.exit_code, sidecar.exists()) == (1, False)
    result = run("validate", judged, "--fix")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 sidecar mended" in result.stderr
    assert sidecar.exists()


def test_a_dry_run_shows_the_diff(judged: Path) -> None:
    """`--fix --dry-run` prints a unified diff and writes nothing."""
    sidecar = sidecar_of(judged)
    with sidecar.open("a", encoding="utf-8") as stream:
        stream.write("hyperparameters: {api_key: not-a-real-key}\n")
    before = sidecar.read_bytes()

    result = run("validate", judged, "--fix", "--dry-run")

    assert f"--- {sidecar}\n+++ {sidecar}\n" in result.stdout
    assert sidecar.read_bytes() == before


def test_a_dry_run_leaves_the_report_whole(judged: Path) -> None:
    """Where a program reads stdout, the diff is talk."""
    with sidecar_of(judged).open("a", encoding="utf-8") as stream:
        stream.write("hyperparameters: {api_key: not-a-real-key}\n")

    result = run("validate", judged, "--fix", "--dry-run", "--format", "json")

    assert [one["code"] for one in json.loads(result.stdout)] == ["CM109"]
    assert "+hyperparameters:" in result.stderr


def test_settings_ignore_with_a_reason(judged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry passes its rule over at its path, is counted, and is said when it is unused."""
    for sidecar in judged.rglob("*.metadata.yaml"):
        sidecar.unlink()
    entries = [
        {"rule": "CM201", "reason": "copied by hand", "path": "outputs/*epoch=1-*"},
        {"rule": "CM402", "reason": "our own Enum"},
    ]
    listed = ", ".join(
        "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()) + "}"
        for entry in entries
    )
    settings = judged.parent / "checkpoint-meta.toml"
    settings.write_text(f"[validate]\nignore = [{listed}]\n", encoding="utf-8")
    monkeypatch.chdir(judged.parent)

    result = run("validate", "outputs", "--verbose")

    assert result.stdout.count("CM201") == 2
    assert "1 ignored" in result.stderr
    assert "the settings ignore CM402 at *, which is not met" in result.stderr
    assert run("validate", "outputs", "--isolated").stdout.count("CM201") == 3


def test_settings_that_ignore_no_rule_are_exit_2(judged: Path, tmp_path: Path) -> None:
    """A typing error in the settings lets nothing pass unseen."""
    settings = tmp_path / "checkpoint-meta.toml"
    settings.write_text('validate.ignore = [{rule = "CM999", reason = "x"}]\n', encoding="utf-8")

    result = main("validate", judged, "--config", settings)

    assert result.returncode == 2
    assert "no rule 'CM999'" in result.stderr


def test_deep_reads_every_byte(judged: Path) -> None:
    """One changed bit in a tensor is found with `--deep` only."""
    checkpoint = next(iter_checkpoints(judged)).path
    content = bytearray(checkpoint.read_bytes())
    ones = content.index(b"\x00\x00\x80\x3f" * 6)
    content[ones] ^= 1
    checkpoint.write_bytes(content)

    shallow = run("validate", judged, "--format", "jsonl")
    deep = run("validate", judged, "--format", "jsonl", "--deep")

    assert (codes(shallow), codes(deep)) == ([], ["CM406"])


def test_the_files_are_judged_without_their_pickles(judged: Path) -> None:
    """CM1xx and CM2xx open no pickle: one that is damaged is found by the other rules only."""
    checkpoint = next(iter_checkpoints(judged)).path
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content.replace(b"global_step", b"global\xff\xffstep"[:11], 1))

    files = run("validate", judged, "--format", "jsonl", "--select", "CM1,CM2")
    everything = run("validate", judged, "--format", "jsonl")

    assert (codes(files), codes(everything)) == ([], ["CM401"])


def test_a_folder_that_cannot_be_listed_shuts_the_gate(
    judged: Path, request: pytest.FixtureRequest
) -> None:
    """What could not be looked at does not pass, and the rest is judged."""
    closed = judged / "closed"
    closed.mkdir(mode=0o000)
    request.getfixturevalue("unprivileged")

    result = run("validate", judged)

    assert result.exit_code == 1
    assert f"{closed}: cannot be listed" in result.stderr
    assert "all well: 3 judged" in result.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_memory_stays_flat(judged: Path) -> None:
    """Judging many keeps nothing of each: ten times as many take no more memory."""
    (checkpoint, *_), (sidecar, *_) = (
        sorted(judged.rglob("*.ckpt")),
        sorted(judged.rglob("*.metadata.yaml")),
    )
    text = sidecar.read_text(encoding="utf-8")
    peaks = []
    for count in (50, 500):
        folder = judged / f"many-{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"c{number}.ckpt").hardlink_to(checkpoint)
            own = text.replace(checkpoint.name, f"c{number}.ckpt")
            (folder / f"c{number}.metadata.yaml").write_text(own, encoding="utf-8")
        peaks.append(_peak(folder, count))

    assert peaks[1] < peaks[0] + 5 * 1024
    assert peaks[1] < 100 * 1024


def _peak(folder: Path, count: int) -> int:
    """Return the peak memory of judging a folder, in KiB."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from checkpoint_meta.rules.subjects import iter_subjects\n"
        "from checkpoint_meta.validate import Gate, judge_all\n"
        "judged = sum(1 for _ in judge_all(iter_subjects(Path(sys.argv[1])), Gate()))\n"
        # Not `ru_maxrss`, which begins at the peak of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(judged, status.split('VmHWM:')[1].split()[0])\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    judged, peak = map(int, result.stdout.split())
    assert judged == count
    return peak


def test_ctrl_c_leaves_no_half_report(judged: Path, tmp_path: Path) -> None:
    """An interrupted run ends with 130, and its report is not there."""
    report, fifo = tmp_path / "r.json", tmp_path / "fifo"
    # The second report waits for a reader that never comes, so that the run is still on its way.
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "checkpoint_meta", "validate", str(judged), "-o", str(report)]
    with subprocess.Popen([*command, "--report", f"text={fifo}"]) as process:
        while not list(tmp_path.glob(".r.json.*.partial")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        code = process.wait(30)

    assert code == 130
    assert not [one.name for one in tmp_path.iterdir() if "r.json" in one.name]


def test_a_closed_pipe_ends_quietly(judged: Path) -> None:
    """`| head` gets its lines, and nobody hears of the rest."""
    checkpoint = min(judged.rglob("*.ckpt"))
    for number in range(300):
        (checkpoint.parent / f"c{number}.ckpt").hardlink_to(checkpoint)
    command = f"{sys.executable} -m checkpoint_meta validate {judged} -q -j1 | head -1"

    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


def test_a_link_that_leads_to_itself_is_one_line(judged: Path) -> None:
    """Links that go round in a circle shut the gate, and nobody sees a traceback."""
    (judged / "last.ckpt").symlink_to("last.ckpt")

    result = main("validate", judged, "--strict")

    assert result.returncode in {1, 2}
    assert "last.ckpt" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_rules_are_data_too(form: str) -> None:
    """Other tools get every rule with its code, name, severity and sentence."""
    command = [sys.executable, "-m", "checkpoint_meta", "rules", "--format", form]

    result = subprocess.run(command, capture_output=True, text=True, check=True)

    rules = (
        json.loads(result.stdout)
        if form == "json"
        else [json.loads(line) for line in result.stdout.splitlines()]
    )
    assert len(rules) == len({rule["code"] for rule in rules}) > 30
    assert all({"code", "name", "severity"} <= rule.keys() for rule in rules)


def test_a_rule_that_nobody_knows_is_a_usage_error() -> None:
    """`rules CM999` says that there is none, and exits with 2."""
    command = [sys.executable, "-m", "checkpoint_meta", "rules", "CM999"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "no rule 'CM999'" in result.stderr
