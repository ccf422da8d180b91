"""`scripts/setup`, with a Python that only pretends to make environments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PRETENDER = """\
#!/bin/sh
echo "$@" >>"{log}"
case "$*" in
  *venv*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
esac
"""


@pytest.mark.parametrize("left", ["nothing", "no pip", "all"])
def test_an_interrupted_set_up_is_begun_again(left: str, tmp_path: Path) -> None:
    """A `.venv` whose Python has no pip is made anew; a whole one is kept."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts" / "setup")
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text(PRETENDER.format(log=tmp_path / "log"), encoding="utf-8")
    python.chmod(0o755)
    if left != "nothing":
        inner = tmp_path / ".venv" / "bin" / "python"
        inner.parent.mkdir(parents=True)
        text = PRETENDER.format(log=tmp_path / "log") if left == "all" else "#!/bin/sh\nexit 1\n"
        inner.write_text(text, encoding="utf-8")
        inner.chmod(0o755)

    result = subprocess.run(
        [tmp_path / "scripts" / "setup"],
        env=os.environ | {"PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    calls = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert ("-m venv --clear .venv" in calls) == (left != "all")
    assert calls[-1].endswith("-e .[dev]")
    assert (tmp_path / ".venv" / "installed-from").exists()
