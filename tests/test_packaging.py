from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.tmpdir import TempPathFactory


def _run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Build the source archive, and the wheel from it, as a release would."""
    folder = tmp_path_factory.mktemp("wheel")
    result = _run(sys.executable, "-m", "build", "--outdir", folder, request.config.rootpath)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def empty_python(tmp_path_factory: TempPathFactory, wheel: Path) -> Path:
    """Return a Python that has the wheel and its dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    assert _run(sys.executable, "-m", "venv", folder).returncode == 0
    python = folder / "bin" / "python"
    result = _run(python, "-m", "pip", "install", "--quiet", wheel)
    assert result.returncode == 0, result.stderr
    return python


@pytest.mark.install
def test_what_the_wheel_holds(wheel: Path) -> None:
    """`cli` and `configs` are parts of the package, never import names of their own."""
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"checkpoint_meta"}
    for expected in (
        "checkpoint_meta/cli/main.py",
        "checkpoint_meta/configs/callbacks/checkpoint_metadata.yaml",
        "checkpoint_meta/configs/policies/ocr-detection.yaml",
        "checkpoint_meta/configs/signatures/ocr.yaml",
        "checkpoint_meta/schema/json/sidecar-2.0.json",
        "checkpoint_meta/py.typed",
    ):
        assert expected in names


@pytest.mark.install
def test_the_commands_work_without_torch(empty_python: Path, outputs: Path) -> None:
    """A machine that has the wheel and no torch converts, validates and lists."""
    command = empty_python.with_name("ckpt-meta")
    assert _run(empty_python, "-c", "import torch").returncode != 0

    converted = _run(command, "convert", "outputs", cwd=outputs.parent)
    validated = _run(command, "validate", "outputs", cwd=outputs.parent)
    listed = _run(command, "list", "outputs", "--format", "path", cwd=outputs.parent)

    assert converted.returncode == 0, converted.stderr
    assert converted.stdout.count("created") == 3
    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert len(listed.stdout.splitlines()) == 3, listed.stderr


@pytest.mark.install
def test_a_missing_extra_is_one_line(empty_python: Path) -> None:
    """Without Lightning the callback names the extra to install."""
    code = "from checkpoint_meta import MetadataCallback"

    result = _run(empty_python, "-c", code)

    assert result.returncode == 1
    assert "pip install 'checkpoint-meta[train]'" in result.stderr.splitlines()[-1]
