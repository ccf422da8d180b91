"""Where people put the gate: what the how-to pages show works as they show it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.readers.yaml import parse_yaml
from checkpoint_meta.rules.policy_file import read_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ROOT / "docs" / "how-to"

_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(page: str) -> dict[str, str]:
    """Return the titled code blocks of a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return {title: body for _, title, body in _BLOCK.findall(text) if title}


def yaml_of(text: str) -> Mapping[str, JSONValue]:
    """Return a mapping from YAML."""
    value = parse_yaml(text, Path("block"))
    assert isinstance(value, dict)
    return value


def run(*command: str, folder: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command, and return its exit code with everything that it printed."""
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=env
    )
    return result.returncode, result.stdout + result.stderr


def test_the_policy_page_is_a_policy(tmp_path: Path) -> None:
    """The policy, its families and the settings of the page are read as they stand there."""
    shown = blocks("custom-policy.md")
    for title in ("policies/ours.yaml", "policies/families.yaml"):
        (tmp_path / title).parent.mkdir(exist_ok=True)
        (tmp_path / title).write_text(shown[title], encoding="utf-8")

    policy = read_policy(str(tmp_path / "policies/ours.yaml"))

    assert [family.id for family in policy.families or ()] == ["dbnet_resnet18_unet"]
    assert tomllib.loads(shown["pyproject.toml"])["tool"]["checkpoint-meta"]["policy"]


def test_the_pytest_page_is_a_test(outputs: Path) -> None:
    """The example passes over right sidecars, and one case fails where one is missing."""
    folder = outputs.parent
    shown = blocks("ci-pytest.md")["tests/test_checkpoints.py"]
    (folder / "test_checkpoints.py").write_text(shown, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    options = ("-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist")
    command = (sys.executable, "-m", "pytest", *options)
    list(convert(iter_checkpoints(outputs)))

    right = run(*command, folder=folder)
    min(outputs.rglob("*.metadata.yaml")).unlink()
    wrong = run(*command, folder=folder)

    assert right[0] == 0, right[1]
    assert "4 passed" in right[1]
    assert "1 failed, 3 passed" in wrong[1]


def test_the_gitlab_page_runs(outputs: Path) -> None:
    """The job's own command writes both reports that the job collects."""
    job = yaml_of(blocks("ci-gitlab.md")[".gitlab-ci.yml"])["checkpoints"]
    assert isinstance(job, dict)
    script = job["script"]
    assert isinstance(script, list)
    command = str(script[-1]).split()

    code, text = run(sys.executable, "-m", "checkpoint_meta", *command[1:], folder=outputs.parent)

    assert code == 1, text
    assert all((outputs.parent / str(file)).exists() for file in _reports(job))


def _reports(job: Mapping[str, JSONValue]) -> list[JSONValue]:
    artifacts = job["artifacts"]
    reports = artifacts["reports"] if isinstance(artifacts, dict) else None
    return list(reports.values()) if isinstance(reports, dict) else []


def test_the_action_runs_what_it_says(outputs: Path) -> None:
    """The action's last step finds, annotates, writes SARIF, and fails."""
    step = _action()[-1]
    inputs = {
        "INPUT_PATHS": "outputs",
        "INPUT_POLICY": "lightning",
        "INPUT_ARGS": "--strict --ignore CM3",
        "INPUT_SARIF": "r.sarif",
    }
    env = {**os.environ, **inputs, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    code, text = run("bash", "-e", "-c", str(step["run"]), folder=outputs.parent, env=env)

    assert code == 1, text
    assert text.count("::error file=outputs/") == 3
    assert (outputs.parent / "r.sarif").exists()


def check_schema(schema: str, file: Path) -> tuple[int, str]:
    """Check a file against one of the schemas that check-jsonschema ships; nothing is fetched."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}")
    return run(*command, str(file), folder=file.parent)


def test_the_action_is_an_action(tmp_path: Path) -> None:
    """`action.yml` is as GitHub's schema of actions says, and the schema refuses a typing error."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    wrong = tmp_path / "action.yml"
    wrong.write_text(text.replace("using: composite", "using: composit"), encoding="utf-8")

    assert check_schema("github-actions", ROOT / "action.yml")[0] == 0
    assert check_schema("github-actions", wrong)[0] == 1


@pytest.mark.parametrize(
    ("page", "title", "schema"),
    [
        ("ci-github.md", ".github/workflows/checkpoints.yml", "github-workflows"),
        ("ci-gitlab.md", ".gitlab-ci.yml", "gitlab-ci"),
    ],
    ids=["github", "gitlab"],
)
def test_the_pages_jobs_are_jobs(page: str, title: str, schema: str, tmp_path: Path) -> None:
    """What the pages show is as the schemas of the two CI systems say."""
    shown = tmp_path / "shown.yml"
    shown.write_text(blocks(page)[title], encoding="utf-8")

    code, text = check_schema(schema, shown)

    assert code == 0, text


@pytest.mark.install
def test_every_step_of_the_action_runs(outputs: Path, tmp_path: Path) -> None:
    """The action installs itself into a Python of its own, and judges with its inputs' defaults."""
    # Hidden, so that the default PATH does not reach into it.
    project, tools, clone = outputs.parent, tmp_path / ".tools", tmp_path / ".clone"
    # GitHub checks the action out; built in this folder, pip would leave `build/` in it.
    run("git", "clone", "-q", str(ROOT), str(clone), folder=tmp_path)
    assert run(sys.executable, "-m", "venv", str(tools), folder=tmp_path)[0] == 0
    list(convert(iter_checkpoints(outputs)))
    steps = [step for step in _action() if "run" in step]

    right = [_step(step, project, tools, clone) for step in steps]
    min(outputs.rglob("*.metadata.yaml")).unlink()
    wrong = _step(steps[-1], project, tools, clone)

    assert [code for code, _ in right] == [0, 0], right
    assert wrong[0] == 1
    assert wrong[1].count("::error file=outputs/") == 1


def _step(
    step: Mapping[str, JSONValue], project: Path, tools: Path, clone: Path
) -> tuple[int, str]:
    """Run a step of the action as GitHub does: its own shell, its expressions filled in."""
    inputs = yaml_of((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    given = step["env"]
    assert isinstance(inputs, dict)
    assert isinstance(given, dict)
    values = {"github.action_path": str(clone)}
    for name, entry in inputs.items():
        assert isinstance(entry, dict)
        values[f"inputs.{name}"] = str(entry["default"])
    # Names that no input has would be empty on GitHub; here they are an error.
    env = {
        key: values[str(text).removeprefix("${{ ").removesuffix(" }}")]
        for key, text in given.items()
    }
    env = {"PATH": f"{tools / 'bin'}:/usr/bin:/bin", "HOME": str(tools), **env}
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", str(step["run"]))
    assert step["shell"] == "bash"
    return run(*command, folder=project, env={**_network(), **env})


def _network() -> dict[str, str]:
    """Return what pip needs to find its index here, and nothing else of this environment."""
    wanted = ("PIP_", "HTTP", "http", "SSL_", "REQUESTS_", "NO_PROXY", "no_proxy")
    return {key: value for key, value in os.environ.items() if key.startswith(wanted)}


def test_no_input_of_the_action_becomes_a_script() -> None:
    """Inputs reach the shell through the environment, so that none can run anything."""
    assert all("${{" not in str(step.get("run")) for step in _action())


def _action() -> list[Mapping[str, JSONValue]]:
    runs = yaml_of((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]
    assert isinstance(runs, dict)
    steps = runs["steps"]
    assert isinstance(steps, list)
    return [step for step in steps if isinstance(step, dict)]


def test_the_github_page_uses_inputs_that_there_are() -> None:
    """Each input of the example is one of the action's."""
    workflow = blocks("ci-github.md")[".github/workflows/checkpoints.yml"]
    used = set(re.findall(r"^          ([\w-]+):", workflow, re.MULTILINE))
    inputs = yaml_of((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]

    assert isinstance(inputs, dict)
    assert used
    assert used <= set(inputs)


@pytest.mark.install
def test_pre_commit_runs_the_hooks(outputs: Path, tmp_path: Path) -> None:
    """A real `pre-commit run`, with the hooks of a local clone, fails and then passes."""
    tools, clone, project = tmp_path / "tools", tmp_path / "clone", outputs.parent
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    assert run(sys.executable, "-m", "venv", str(tools), folder=tmp_path)[0] == 0
    installed = run(str(tools / "bin/pip"), "install", "-q", "pre-commit", folder=tmp_path)
    assert installed[0] == 0, installed[1]
    manifest = run(
        str(tools / "bin/pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml", folder=ROOT
    )
    assert manifest[0] == 0, manifest[1]
    run("git", "clone", "-q", str(ROOT), str(clone), folder=tmp_path)
    revision = run("git", "rev-parse", "HEAD", folder=clone)[1].strip()
    (project / ".pre-commit-config.yaml").write_text(_hooks(clone, revision), encoding="utf-8")
    run("git", "init", "-q", folder=project)
    run(*git, "add", "outputs", ".pre-commit-config.yaml", folder=project)
    # pip's environment of the hook is made below the test's own folder.
    env = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "cache")}
    hook = (str(tools / "bin/pre-commit"), "run", "--all-files")

    missing = run(*hook, "ckpt-meta-validate-outputs", folder=project, env=env)
    list(convert(iter_checkpoints(outputs)))
    run(*git, "add", "outputs", folder=project)
    right = run(*hook, folder=project, env=env)

    assert missing[0] == 1, missing[1]
    assert missing[1].count("CM201") >= 3
    assert right[0] == 0, right[1]
    assert right[1].count("Passed") == 2


def _hooks(clone: Path, revision: str) -> str:
    shown = yaml_of(blocks("ci-pre-commit.md")[".pre-commit-config.yaml"])
    assert "ckpt-meta-validate" in str(shown)
    return (
        f"repos:\n  - repo: {clone}\n    rev: {revision}\n    hooks:\n"
        "      - {id: ckpt-meta-validate}\n"
        "      - {id: ckpt-meta-validate-outputs, args: [outputs]}\n"
    )
