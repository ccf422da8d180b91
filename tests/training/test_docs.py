from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoint_meta.schema.document import check_document
from checkpoint_meta.store import read_sidecar

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]

FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)

NAMES = ("lightning", "hydra", "lightning-cli", "fabric")


@pytest.mark.parametrize("name", NAMES)
def test_the_how_to_runs(tmp_path: Path, name: str) -> None:
    """A reader who copies the files and types the commands gets valid sidecars."""
    blocks = FENCE.findall((ROOT / "docs" / "how-to" / f"{name}.md").read_text(encoding="utf-8"))
    for _, title, text in blocks:
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text)
    commands = "".join(text for language, _, text in blocks if language == "bash")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    checkpoints = [*tmp_path.rglob("*.ckpt")]
    sidecars = [*tmp_path.rglob("*.metadata.yaml")]
    assert len(sidecars) == len(checkpoints) > 0
    assert [problem for one in sidecars for problem in check_document(read_sidecar(one))] == []


def test_the_table_of_the_ways_of_saving_is_current() -> None:
    """The page says what the tests say."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "ways_of_saving.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
