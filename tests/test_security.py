"""Promises of SECURITY.md about the commands as a whole: where they write, whom they ask."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from checkpoint_meta.cli.list_options import ListFormat

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.reports.interface import ReportFormat
from tests.commands import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIST_FORMATS: Final = [form.value for form in ListFormat]
REPORTS: Final = [form.value for form in ReportFormat]

WATCHED: Final = """
import sys

def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"}:
        print("NETWORK", event, arguments, file=sys.stderr)

sys.addaudithook(watch)
from checkpoint_meta.cli.main import run
run()
"""
"""The commands in a process that tells of each look at the network."""


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    # As a user who is logged in to W&B: a key alone is no permission to ask.
    env = os.environ | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "WANDB_API_KEY": "0" * 40,
        "TMPDIR": str(home),
    }
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_mending_and_listing_write_where_they_say(outputs: Path) -> None:
    """`validate --fix` renames and rewrites sidecars; `list` writes into the cache folder alone."""
    sidecar = next(outputs.rglob("epoch=1-*.ckpt")).with_suffix(".ckpt.metadata.yaml")
    list(convert(iter_checkpoints(outputs)))
    sidecar.with_name("epoch=1-step=100.metadata.yaml").rename(sidecar)
    before = _files(outputs.parent)

    mended = _run(outputs.parent, "validate", "outputs", "--fix")
    after_mending = _files(outputs.parent)
    _run(outputs.parent, "list", "outputs")

    name = sidecar.relative_to(outputs.parent)
    assert mended.returncode == 0, mended.stdout
    assert after_mending ^ before == {str(name), str(name).replace(".ckpt.", ".")}
    assert {name.split("/")[:3][-1] for name in _files(outputs.parent) - after_mending} == {
        "checkpoint-meta"
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "outputs"),
        ("convert", "outputs", "--overwrite", "--explain", "--jobs", "1"),
        ("validate", "outputs", "--deep"),
        ("list", "outputs"),
        ("best", "outputs", "--metric", "hmean"),
        ("show", "outputs/2026-11-23/21-09-00/checkpoints/epoch=1-step=100.ckpt"),
        ("rules",),
        ("schema",),
        ("--version",),
    ],
    ids=" ".join,
)
def test_no_command_asks_the_network(outputs: Path, arguments: tuple[str, ...]) -> None:
    """No name is looked up and nothing connected to, though a W&B key is there."""
    result = _run(outputs.parent, *arguments)

    assert "NETWORK" not in result.stderr
    assert result.returncode in {0, 1}, result.stderr
    assert "Traceback" not in result.stderr


def test_the_watch_sees_the_network(tmp_path: Path) -> None:
    """The watch of the test before is awake: a look at the network is told."""
    code = WATCHED.partition("from checkpoint_meta")[0]
    code += "import socket\nsocket.getaddrinfo('localhost', 80)"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert "NETWORK socket.getaddrinfo" in result.stderr


def test_a_conversion_writes_sidecars_and_nothing_else(outputs: Path) -> None:
    """Where a name or link would lead out of outputs, nothing is written there either."""
    folder = next(outputs.rglob("epoch=1-*.ckpt")).parent
    outside = outputs.parent / "outside"
    outside.mkdir()
    (outside / "target.metadata.yaml").write_text("kept: true\n", encoding="utf-8")
    (folder / "epoch=1-step=100.metadata.yaml").symlink_to(outside / "target.metadata.yaml")
    (folder / "epoch=2-step=200.metadata.yaml").write_text(
        'schema_version: "2.0"\ncheckpoint_path: ../../../../outside/x.ckpt\n'
        "hydra_config_path: ../../../../outside/config.yaml\n",
        encoding="utf-8",
    )
    before = _files(outputs.parent)

    result = _run(outputs.parent, "convert", "outputs", "--overwrite")

    new = _files(outputs.parent) - before
    assert result.returncode in {0, 1}, result.stderr
    assert new == {str((folder / "epoch=3-step=300.metadata.yaml").relative_to(outputs.parent))}
    assert (outside / "target.metadata.yaml").read_text(encoding="utf-8") == "kept: true\n"


def test_mending_writes_sidecars_and_nothing_else(outputs: Path) -> None:
    """`validate --fix` changes the sidecars that it names, and no other file."""
    list(convert(iter_checkpoints(outputs)))
    sidecar = next(outputs.rglob("epoch=1-*.metadata.yaml"))
    text = sidecar.read_text(encoding="utf-8").replace(
        'schema_version: "2.0"', "schema_version: 2.0"
    )
    sidecar.write_text(text, encoding="utf-8")
    before = {path: path.read_bytes() for path in outputs.rglob("*") if path.is_file()}

    result = _run(outputs.parent, "validate", "outputs", "--fix")

    after = {path: path.read_bytes() for path in outputs.rglob("*") if path.is_file()}
    assert result.returncode == 0, result.stdout
    assert [path for path in after if before.get(path) != after[path]] == [sidecar]
    assert before.keys() == after.keys()


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        *((0, ("list", "runs", "--format", form)) for form in LIST_FORMATS),
        (0, ("list", "runs", "--all-columns")),
        (0, ("best", "runs", "--metric", "epoch")),
        (1, ("diff", "runs/a\x1b[2Jb/good\x1b[2J.ckpt", "runs/a\x1b[2Jb/bad.ckpt")),
        *((1, ("validate", "runs", "--format", form)) for form in REPORTS),
        (1, ("convert", "runs", "--dry-run", "--overwrite", "--explain", "--diff", "-v")),
    ],
    ids=lambda value: " ".join(map(repr, value)) if isinstance(value, tuple) else "",
)
def test_no_name_or_value_reaches_the_terminal_as_a_code(
    tmp_path: Path, make_checkpoint: Callable[..., Path], code: int, arguments: tuple[str, ...]
) -> None:
    """Names of files and folders, and what a sidecar says, in every format."""
    folder = tmp_path / "runs" / "a\x1b[2Jb"
    make_checkpoint(folder / "good\x1b[2J.ckpt")
    (folder / "bad.ckpt").write_bytes(b"\x1b[2J no checkpoint")
    (folder / "good\x1b[2J.metadata.yaml").write_text(
        'schema_version: "2.0"\ncheckpoint_path: "other\\e[2J.ckpt"\nexp_name: "x\\e[2J"\n'
        'created_at: "2026-11-23T21:09:00Z"\ntraining: {epoch: 3, global_step: 400}\n'
        'metrics: {hmean: 0.5, additional_metrics: {"m\\e[2J": 1.5}}\n',
        encoding="utf-8",
    )

    shown = on_terminal(tmp_path, 200, *arguments, code=code)

    assert "[2J" in shown
    assert "\x1b[2J" not in shown
