"""Every code block of README and docs is tried: run, parsed, or read by what it is for."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.catalog.query import parse_query
from checkpoint_meta.readers.yaml import parse_yaml
from tests.docs.pages import ROOT, Block, blocks, pages
from tests.docs.worlds import TRAINS, make_world, problems_below, shell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ELSEWHERE: Final = {"CONTRIBUTING.md": "tests/test_contributing.py"}
"""Pages whose blocks another test follows word for word."""

PAGES: Final = [
    name
    for page in pages()
    if blocks(page) and (name := str(page.relative_to(ROOT))) not in ELSEWHERE
]

NO_USAGE: Final = (0, 1)
"""How a shown command may end: it ran, and found something or nothing."""


@pytest.mark.train
@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_the_page_works(
    name: str, documented_example: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In their order, in one folder: files are written, commands run, outputs are as shown."""
    world, home = tmp_path / "world", tmp_path / "home"
    for folder in (world, home):
        folder.mkdir()
    make_world(name, documented_example, world)
    page = ROOT / name
    updated = page.read_text(encoding="utf-8")

    wrong = []
    for block in blocks(page):
        if block.not_run:
            continue
        if block.language == "console":
            fresh = _played(block, world, home)
            if _timeless(fresh) != _timeless(block.body):
                wrong.append(f"{block.where}:\n{fresh}")
                updated = updated.replace(f"```console\n{block.body}```", f"```console\n{fresh}```")
        else:
            TRIED[block.language](block, world, home)
    if request.config.getoption("--update-goldens"):
        page.write_text(updated, encoding="utf-8")

    assert wrong == []
    if name in TRAINS:
        assert problems_below(world) == []
        judged = shell("ckpt-meta validate . --strict", world, home)
        assert judged.returncode == 0, judged.stdout


def test_the_tests_of_other_pages_are_there() -> None:
    """A page is passed over only where its own test reads it."""
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text(encoding="utf-8")


def _played(block: Block, world: Path, home: Path) -> str:
    """Run each `$` line, and return the block as it comes out."""
    commands = re.findall(r"^\$ (.*)$", block.body, re.MULTILINE)
    assert commands, f"{block.where}: no line begins with $"
    endings: list[tuple[int, ...]] = [NO_USAGE] * len(commands)
    if block.exit_code:
        endings[-1] = (block.exit_code,)
    outputs = (
        _output(command, ending, block, world, home)
        for command, ending in zip(commands, endings, strict=True)
    )
    return "".join(
        f"$ {command}\n{output}" for command, output in zip(commands, outputs, strict=True)
    )


def _timeless(text: str) -> str:
    """Return what is printed without what each run has of its own: times, and ids of contents."""
    for pattern in (
        r"\d{4}-\d\d-\d\dT[\d:]+(Z|\+00:00)",
        r"mtime_ns: \d+",
        r"torch:\d{40}",
        r'"?\b[0-9a-f]{16}\b"?',
    ):
        text = re.sub(pattern, "...", text)
    return text


def _output(command: str, endings: tuple[int, ...], block: Block, world: Path, home: Path) -> str:
    done = shell(command, world, home)
    assert done.returncode in endings, (block.where, command, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def _run_bash(block: Block, world: Path, home: Path) -> None:
    done = shell(block.body, world, home)
    assert done.returncode == block.exit_code, (block.where, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr


def _run_python(block: Block, world: Path, home: Path) -> None:
    """Run it, unless it is a file that another block runs."""
    compile(block.body, block.where, "exec")
    if block.title:
        _write(block, world)
        return
    script = world / "block.py"
    script.write_text(block.body, encoding="utf-8")
    done = shell(f"{sys.executable} block.py", world, home)
    assert done.returncode == 0, (block.where, done.stderr)


def _read_yaml(block: Block, world: Path, home: Path) -> None:
    del home
    assert parse_yaml(block.body, world / block.where) is not None, block.where
    _write(block, world)


def _read_toml(block: Block, world: Path, home: Path) -> None:
    del home
    assert tomllib.loads(block.body), block.where
    _write(block, world)


def _read_json(block: Block, world: Path, home: Path) -> None:
    del home
    assert json.loads(block.body), block.where
    _write(block, world)


def _parse_queries(block: Block, world: Path, home: Path) -> None:
    del world, home
    for line in block.body.splitlines():
        assert parse_query(line).expression == line, block.where


def _write(block: Block, world: Path) -> None:
    if block.title:
        (world / block.title).parent.mkdir(parents=True, exist_ok=True)
        (world / block.title).write_text(block.body, encoding="utf-8")


def _must_say_why(block: Block, world: Path, home: Path) -> None:
    del world, home
    # The layers of the architecture, and what is no code, are drawn in plain text.
    assert block.language in ("", "text"), f"{block.where}: nobody tries {block.language!r}"
    assert block.page.name in DRAWN, f"{block.where}: a plain block is shown, not tried; say why"


DRAWN: Final = ("architecture.md",)
"""Pages with a drawing in letters."""

TRIED: Final[dict[str, Callable[[Block, Path, Path], None]]] = {
    "bash": _run_bash,
    "python": _run_python,
    "yaml": _read_yaml,
    "toml": _read_toml,
    "json": _read_json,
    "query": _parse_queries,
    "text": _must_say_why,
    "": _must_say_why,
}
