"""What the migration guide promises; its commands are run with those of every page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checkpoint_meta.store import read_sidecar
from tests.sources.legacy import write_corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose `outputs` have the old callback's wrong sidecars."""
    write_corpus(tmp_path / "outputs", old_sidecars=True)
    return tmp_path


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    shell = f"{Path(sys.executable).parent}/{command}"
    return subprocess.run(  # noqa: S602 - the guide's own lines, with their redirections
        shell, shell=True, cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_second_conversion_changes_nothing(folder: Path) -> None:
    """The guide says that everything is unchanged."""
    _run("ckpt-meta convert outputs", folder)

    again = _run("ckpt-meta convert outputs", folder)

    assert again.stderr.startswith("12 unchanged")


def test_keys_and_comments_of_an_old_sidecar_are_kept(folder: Path) -> None:
    """What a person wrote into a 1.0 sidecar stands in the 2.0 one."""
    sidecar = folder / "outputs" / "7" / "checkpoints" / "epoch--step-515.metadata.yaml"
    text = sidecar.read_text(encoding="utf-8")
    sidecar.write_text(f"# the one for the paper\nnickname: best ever\n{text}", encoding="utf-8")

    _run("ckpt-meta convert outputs", folder)

    document = read_sidecar(sidecar)
    assert document["schema_version"] == "2.0"
    assert document["nickname"] == "best ever"
    assert "# the one for the paper" in sidecar.read_text(encoding="utf-8")
