from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

from checkpoint_meta.version import TOOL, VERSION


def test_the_version_is_the_package_s() -> None:
    """It is written in two places, so that no command has to ask for it."""
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")

    assert tomllib.loads(text)["project"]["version"] == VERSION == version(TOOL)
