"""docs/blueprint.md names tests and figures that there are."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ("docs/blueprint.md", "SECURITY.md")

_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_BENCH: Final = re.compile(r"bench `(\w+)`: ((?:`[^`]+`(?: \([^)]*\))?(?:, )?)+)")


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def _functions(file: str) -> frozenset[str]:
    """Return what pytest collects in a file."""
    tree = ast.parse(_text(file))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@cache
def _texts(bench: str) -> str:
    """Return every text in a bench, from which it makes the names of its figures."""
    tree = ast.parse(_text(f"scripts/benches/{bench}.py"))
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_a_page_names_is_there(page: str) -> None:
    """No promise points to a test that was renamed or dropped."""
    named = _TEST.findall(_text(page))

    assert named
    assert [
        f"{file}::{name}"
        for file, name in named
        if not name.startswith("test_")
        or not (ROOT / file).is_file()
        or name not in _functions(file)
    ] == []


def test_each_figure_that_the_page_names_is_there() -> None:
    """`scripts/bench` measures what the page says that it measures."""
    named = [
        (bench, name)
        for bench, names in _BENCH.findall(_text("docs/blueprint.md"))
        for name in re.findall(r"`([^`]+)`", names)
    ]

    assert len(named) >= 8
    assert [(bench, name) for bench, name in named if name not in _texts(bench)] == []


def test_each_row_is_shown_by_something() -> None:
    """A requirement without evidence is none that is met."""
    rows = [line for line in _text("docs/blueprint.md").splitlines() if line.startswith("| ")]
    claims = [row for row in rows if not row.startswith(("| requirement", "| fault", "| ---"))]

    assert len(claims) > 40
    assert [row for row in claims if "::test_" not in row and "bench `" not in row] == []


def test_coverage_is_a_condition() -> None:
    """`scripts/test` measures branches of package and commands, and fails below 95 %."""
    coverage = tomllib.loads(_text("pyproject.toml"))["tool"]["coverage"]

    assert coverage["report"]["fail_under"] >= 95
    assert coverage["run"]["branch"] is True
    # By import name: the commands are installed as checkpoint_meta.cli.
    assert coverage["run"]["source_pkgs"] == ["checkpoint_meta"]
    assert "--cov" in _text("scripts/test")
