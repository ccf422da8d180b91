"""What keeps the house in order works: workflows, forms, hooks, releases."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.schema.fields import look_up

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

ROOT: Final = Path(__file__).parent.parent
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS: Final = (ROOT / "constraints.txt").read_text(encoding="utf-8")
RELEASE_NOTES: Final = ROOT / "scripts" / "release_notes.py"

_ACTION: Final = re.compile(r"uses: ([\w./-]+)(@\S+)?")


def _run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", [ROOT / ".github/ISSUE_TEMPLATE/bug.yml"]),
        ("vendor.github-issue-forms", [ROOT / ".github/ISSUE_TEMPLATE/feature.yml"]),
        ("vendor.github-issue-config", [ROOT / ".github/ISSUE_TEMPLATE/config.yml"]),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ],
)
def test_what_github_reads_is_as_github_wants_it(schema: str, files: list[Path]) -> None:
    """Workflows and forms pass the schemas that GitHub's own files are checked by."""
    checked = _run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files)

    assert files
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_scripts_that_are_there(path: Path) -> None:
    """Each step runs a script of the repository, or a tool that is pinned."""
    text = path.read_text(encoding="utf-8")
    scripts = re.findall(r"\b(scripts/[\w.]+)", text)
    tools = re.findall(r"\.venv/bin/([\w-]+)", text)

    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []
    assert [name for name in tools if name != "python" and f"\n{name}==" not in PINS] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_take_no_text_of_strangers_into_a_script(path: Path) -> None:
    """What a stranger names (a branch, a tag) reaches the shell through the environment."""
    scripts = re.findall(r"run: (?:\|\n((?: {10,}.*\n)+)|(.*))", path.read_text(encoding="utf-8"))

    assert scripts
    assert [script for script in scripts if "${{" in "".join(script)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_read_unless_they_say_so(path: Path) -> None:
    """The token of a workflow reads only; a job that needs more asks for it; actions are pinned."""
    text = path.read_text(encoding="utf-8")

    assert look_up(_mapping(path), ("permissions",)) == {"contents": "read"}
    assert all(version for _, version in _ACTION.findall(text))


def test_each_python_that_is_promised_is_tested() -> None:
    """The matrix has the Pythons that the package's classifiers name, and those only."""
    jobs = look_up(_mapping(ROOT / ".github/workflows/ci.yml"), ("jobs",))
    assert isinstance(jobs, dict)
    promised = [
        name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)
    ]

    matrix = look_up(jobs, ("wheel", "strategy", "matrix", "python"))

    assert matrix == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_releases_are_published_without_a_secret() -> None:
    """PyPI trusts the workflow itself: it asks for an identity token and names no password."""
    path = ROOT / ".github/workflows/release.yml"

    publish = look_up(_mapping(path), ("jobs", "publish", "permissions"))

    assert publish == {"id-token": "write", "contents": "write"}
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_hooks_for_contributors_call_what_is_pinned() -> None:
    """Each hook's tool is a development dependency with a pinned version."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    tools = set(re.findall(r"entry: \.venv/bin/([\w-]+)", text))
    wanted = {re.split(r"[\[>]", name)[0] for name in PROJECT["optional-dependencies"]["dev"]}

    assert {"ruff", "codespell", "validate-pyproject", "check-jsonschema", "mypy"} == tools
    assert tools <= wanted
    assert [name for name in tools if f"\n{name}==" not in PINS] == []


def test_every_development_dependency_is_pinned() -> None:
    """The test environment is the same everywhere: no `dev` dependency is without its version."""
    wanted = {re.split(r"[\[>]", name)[0] for name in PROJECT["optional-dependencies"]["dev"]}
    pinned = {line.partition("==")[0].lower() for line in PINS.splitlines()}

    assert {name.lower() for name in wanted} - pinned == {"checkpoint-meta"}


@pytest.mark.parametrize(
    ("tag", "code", "says"),
    [
        (f"v{PROJECT['version']}", 0, "- The first one."),
        ("v9.9.9", 1, "the tag is v9.9.9"),
    ],
)
def test_a_release_is_described_or_not_made(tag: str, code: int, says: str, tmp_path: Path) -> None:
    """The notes of a release are its section of the changelog; a tag of another version fails."""
    version = PROJECT["version"]
    log = f"# Changelog\n\n## Unreleased\n\n## {version} - 2026-11-25\n\n- The first one.\n"
    _copy_release_script(tmp_path, log)

    made = _run(sys.executable, "scripts/release_notes.py", tag, cwd=tmp_path)

    assert made.returncode == code
    assert says in made.stdout + made.stderr
    assert "Unreleased" not in made.stdout


def test_a_version_without_a_section_is_not_released(tmp_path: Path) -> None:
    """Users learn what is new, or there is no release."""
    _copy_release_script(tmp_path, "# Changelog\n\n## Unreleased\n\n- Something.\n")

    made = _run(sys.executable, "scripts/release_notes.py", f"v{PROJECT['version']}", cwd=tmp_path)

    assert made.returncode == 1
    assert "has no section" in made.stderr


def test_the_changelog_keeps_its_form() -> None:
    """Versions are newest first, under the headings of Keep a Changelog, in sentences."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == "Unreleased"
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
    entries = re.findall(r"^- (.+)$", text, re.MULTILINE)
    assert [entry for entry in entries if not re.match(r"[A-Z`].*[.)`]$", entry)] == []
    # The notes of a release are cut out by the same rule.
    notes = runpy.run_path(str(RELEASE_NOTES), run_name="notes")["notes"]
    assert notes(text, "Unreleased").startswith("### ")


@pytest.mark.install
def test_the_hooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real `pre-commit run --all-files` over a clone of the repository passes each hook."""
    clone = tmp_path / "clone"
    assert _run("git", "clone", "-q", ROOT, clone, cwd=tmp_path).returncode == 0
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(sys.prefix)
    tools = tmp_path / "tools"
    assert _run(sys.executable, "-m", "venv", tools).returncode == 0
    installed = _run(tools / "bin/pip", "install", "-q", "pre-commit")
    assert installed.returncode == 0, installed.stderr
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))

    hooks = _run(tools / "bin/pre-commit", "run", "--all-files", cwd=clone)

    assert hooks.returncode == 0, hooks.stdout + hooks.stderr
    assert hooks.stdout.count("Passed") == 6


def _copy_release_script(folder: Path, changelog: str) -> None:
    (folder / "scripts").mkdir()
    shutil.copy(RELEASE_NOTES, folder / "scripts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "CHANGELOG.md").write_text(changelog, encoding="utf-8")


def _mapping(path: Path) -> dict[str, JSONValue]:
    value = read_yaml(path)
    assert isinstance(value, dict)
    return value
