"""CONTRIBUTING.md, followed word for word in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "CONTRIBUTING.md"

_BLOCK: Final = re.compile(r'^ *```(\w+) title="([^"]+)"\n(.*?)^ *```', re.MULTILINE | re.DOTALL)

TESTS: Final = {
    "source": ["tests/sources/test_info.py", "tests/test_architecture.py", "tests/test_convert.py"],
    "rule": ["tests/rules/test_examples.py", "tests/rules/test_rules_page.py"],
    "format": ["tests/readers/test_corpus.py", "tests/test_architecture.py"],
}
"""What the recipe is about -> the tests that it must pass."""

NEW: Final = {"source": "test_info", "rule": "CM390", "format": "ours.ckpt"}
"""What the recipe is about -> what is in the name of a test that was not there before."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what the tests need, whose packages are imported before any other."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("checkpoint_meta", "cli", "configs", "scripts", "tests", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def _recipe(about: str) -> str:
    return PAGE.read_text(encoding="utf-8").split(f"## Add a {about}\n")[1].split("\n## ")[0]


def follow(tree: Path, about: str) -> list[Path]:
    """Do what each block of a recipe says, and return the files that it touched."""
    touched = []
    for kind, name, indented in _BLOCK.findall(_recipe(about)):
        file, block = tree / name, textwrap.dedent(indented)
        file.parent.mkdir(parents=True, exist_ok=True)
        if kind == "diff":
            _insert(file, block)
        elif file.exists():
            file.write_text(f"{file.read_text(encoding='utf-8')}\n\n{block}", encoding="utf-8")
        else:
            file.write_text(block, encoding="utf-8")
        touched.append(file)
    return touched


def _insert(file: Path, block: str) -> None:
    """Add the lines with `+` after the line above them, which the file has once."""
    text = file.read_text(encoding="utf-8")
    for context, added in re.findall(r"^ (.*)\n((?:\+.*\n)+)", block, re.MULTILINE):
        assert text.count(f"{context}\n") == 1, f"{file.name} has {context!r} not once"
        lines = "".join(f"{line[1:]}\n" for line in added.splitlines())
        text = text.replace(f"{context}\n", f"{context}\n{lines}")
    file.write_text(text, encoding="utf-8")


def _run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("COVERAGE_PROCESS_CONFIG", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("about", TESTS)
def test_a_recipe_works_as_it_stands(tree: Path, about: str) -> None:
    """Its files are clean by ruff, its tests are found, and they and the old ones pass."""
    touched = [str(file) for file in follow(tree, about) if file.suffix == ".py"]
    if about == "rule":
        assert _run(tree, "scripts/rules_table.py").returncode == 0

    linted = _run(tree, "-m", "ruff", "check", *touched)
    formatted = _run(tree, "-m", "ruff", "format", "--check", *touched)
    tested = _run(tree, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *TESTS[about])

    assert linted.returncode == 0, linted.stdout
    assert formatted.returncode == 0, formatted.stdout
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert re.search(rf"PASSED .*{NEW[about]}", tested.stdout)


def test_every_script_that_the_page_names_is_there() -> None:
    """Whoever sets up by the page finds each of them, and may run it."""
    named = set(re.findall(r"`(?:\S+ )?(scripts/\w+(?:\.py)?)", PAGE.read_text(encoding="utf-8")))

    assert len(named) >= 5
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert [name for name in named if "." not in name and not os.access(ROOT / name, os.X_OK)] == []
