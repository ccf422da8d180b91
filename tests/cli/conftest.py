"""Commands in the process of the test, which is where most of what they print is held."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from checkpoint_meta.cli.main import run

from tests.commands import Shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands import RunHere


@pytest.fixture
def run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> RunHere:
    """Return a function that runs one command in `tmp_path`, with an index of the test's own."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(tmp_path / "cache"))

    def run_one(*arguments: str, code: int = 0) -> Shown:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["ckpt-meta", *arguments])
        with pytest.raises(SystemExit) as stop:
            run()
        sys.stdout.flush()
        shown = capfd.readouterr()
        assert stop.value.code == code, shown.err
        return Shown(shown.out, shown.err)

    return run_one
