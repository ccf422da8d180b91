"""What the README says is tried: its commands print what it shows, its configurations compose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(README.read_text("utf-8")) if kind == language]


RUNS = {
    "dbnet-resnet18": [(17, 3600, 0.8812), (22, 4600, 0.9041), (24, 5000, 0.8987)],
    "craft-resnet50": [(9, 1000, 0.8455), (11, 1200, 0.8603)],
}


@pytest.fixture
def folder(
    tmp_path: Path, make_checkpoint: Callable[..., Path], hydra_run: Callable[..., Path]
) -> Path:
    """Make the tree that the README is about: `outputs` with sidecars, `legacy` without."""
    for name, checkpoints in RUNS.items():
        architecture = name.partition("-")[0]
        config = f"exp_name: {name}\nmodel: {{architecture: {architecture}}}\n"
        run = hydra_run(tmp_path / "outputs" / name, config=config)
        for epoch, step, hmean in checkpoints:
            metrics = {"precision": round(hmean + 0.01, 4), "recall": round(hmean - 0.01, 4)}
            path = make_checkpoint(
                run / "checkpoints" / f"epoch={epoch}-step={step}.ckpt",
                epoch=epoch,
                global_step=step,
                score=hmean,
                extra={"cleval_metrics": metrics | {"hmean": hmean}},
            )
            two_days_ago = time.time() - 2.5 * 24 * 3600
            os.utime(path, (two_days_ago, two_days_ago))
    shutil.copytree(tmp_path / "outputs" / "craft-resnet50", tmp_path / "legacy" / "craft-resnet50")
    _shell("ckpt-meta convert outputs", tmp_path)
    return tmp_path


def _shell(command: str, folder: Path) -> str:
    scripts = Path(sys.executable).parent
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())


def test_the_commands_print_what_the_readme_shows(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    """Each `$` line is run, in order, in one folder; what follows it is its output."""
    text = README.read_text(encoding="utf-8")

    shown = []
    for block in _blocks("console"):
        commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        fresh = "".join(f"$ {command}\n{_shell(command, folder)}" for command in commands)
        text = text.replace(f"```console\n{block}```", f"```console\n{fresh}```")
        shown.append((block, fresh))
    if request.config.getoption("--update-goldens"):
        README.write_text(text, encoding="utf-8")

    for block, fresh in shown:
        assert block == fresh


def test_the_scripts_that_the_readme_names_are_there() -> None:
    """The two commands are files that can be run."""
    (two, *_) = _blocks("bash")

    for line in two.splitlines():
        script = ROOT / line.split()[0]
        assert os.access(script, os.X_OK)
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_the_hydra_block_composes(tmp_path: Path) -> None:
    """The README's configuration brings the callback into a real Hydra config."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    composed, _, _ = _blocks("yaml")
    (tmp_path / "callbacks").mkdir()
    (tmp_path / "config.yaml").write_text(composed, encoding="utf-8")
    (tmp_path / "callbacks" / "model_checkpoint.yaml").write_text(
        "model_checkpoint:\n  _target_: lightning.pytorch.callbacks.ModelCheckpoint\n",
        encoding="utf-8",
    )

    with initialize_config_dir(str(tmp_path), version_base=None):
        config = compose("config")

    assert list(config.callbacks) == ["model_checkpoint", "checkpoint_metadata"]
    callback = instantiate(config.callbacks.checkpoint_metadata)
    assert type(callback).__name__ == "MetadataCallback"


def test_the_plain_target_is_the_callback() -> None:
    """Naming the class in YAML works without the search path."""
    import yaml
    from hydra.utils import instantiate

    _, target, _ = _blocks("yaml")

    callback = instantiate(yaml.safe_load(target)["checkpoint_metadata"])

    assert type(callback).__name__ == "MetadataCallback"


def test_the_python_block_runs() -> None:
    """So does naming it in Python."""
    (code,) = _blocks("python")
    names: dict[str, list[object]] = {}

    exec(code, names)  # noqa: S102 - the README's own block

    assert type(names["callbacks"][0]).__name__ == "MetadataCallback"


def test_the_policy_is_one(folder: Path) -> None:
    """The README's policy is accepted, and its requirements are met by the README's outputs."""
    _, _, policy = _blocks("yaml")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")

    output = _shell("ckpt-meta validate outputs --policy policy.yaml; echo exit $?", folder)

    assert output.endswith("exit 0\n")


def test_no_link_is_dead() -> None:
    """Every file that the README links to is there."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
