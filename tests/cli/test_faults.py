"""Whatever goes wrong, a user reads one line: no traceback, and the other checkpoints go on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CKPT_META = f"{sys.executable} -m checkpoint_meta"

COMMANDS = ("convert", "list", "validate")


def _shell(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        ["bash", "-c", f"{CKPT_META} {command}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    return result


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_to_itself_is_an_entry_of_its_own(
    command: str, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """It cannot be followed, and that keeps nobody from the other checkpoints."""
    make_checkpoint(tmp_path / "good.ckpt")
    (tmp_path / "loop.ckpt").symlink_to("loop.ckpt")

    result = _shell(tmp_path, command)

    assert "good" in result.stdout
    assert "loop.ckpt" in result.stdout
    # No failure: for `validate` the good one lacks its sidecar, and the link is a warning.
    assert result.returncode == (1 if command == "validate" else 0)


def test_a_path_that_cannot_be_reached_is_exit_2(tmp_path: Path) -> None:
    """The path is named, and why; nothing else is said."""
    (tmp_path / "loop").symlink_to("loop")

    result = _shell(tmp_path, "convert loop/x.ckpt")

    assert result.returncode == 2
    assert result.stderr.startswith("ckpt-meta: loop/x.ckpt: cannot be reached (")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(
    encoding: str, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Converting works whatever the terminal's encoding."""
    make_checkpoint(tmp_path / "漢.ckpt")

    result = _shell(tmp_path, "convert --explain --diff", PYTHONIOENCODING=encoding)

    assert result.returncode == 0
    assert result.stdout.startswith("created   \\u6f22.metadata.yaml\n")


@pytest.mark.parametrize("command", ["convert", "list", "convert --format json", "--help"])
@pytest.mark.parametrize(
    ("stream", "why"), [("/dev/full", "No space left on device"), ("&-", "closed")]
)
def test_output_that_goes_nowhere_is_exit_2(
    command: str, stream: str, why: str, outputs: Path
) -> None:
    """A full disk and a closed stream are said in one line."""
    result = _shell(outputs.parent, f"{command} >{stream}")

    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"ckpt-meta: output: {why}"


def test_a_closed_error_stream_hinders_nobody(outputs: Path) -> None:
    """What cannot be told is not told; the sidecars are written."""
    result = _shell(outputs.parent, "convert 2>&-")

    assert result.returncode == 0
    assert result.stdout.count("created") == 3


def test_a_reader_that_has_enough_is_no_failure(outputs: Path) -> None:
    """`| head` ends the command quietly, and with 0."""
    result = _shell(outputs.parent, "convert --format jsonl | true; exit ${PIPESTATUS[0]}")

    assert result.returncode == 0
    assert result.stderr == ""


def test_a_fault_of_ours_is_one_line(tmp_path: Path) -> None:
    """It names the exception, and ends with 2: the command could not run."""
    program = (
        "import sys\n"
        "from checkpoint_meta.cli import main, rules\n"
        "rules.rules_command = lambda: {}['there']\n"
        "sys.argv = ['ckpt-meta', 'rules']\n"
        "main.run()\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert result.stderr == "ckpt-meta: unexpected KeyError: 'there'; this is our fault\n"


def test_a_name_too_long_for_its_sidecar_is_one_sentence(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """The file and the system's reason, and no name of an exception."""
    path = make_checkpoint(tmp_path / f"{'a' * 245}.ckpt")

    result = _shell(tmp_path, "convert")

    assert result.returncode == 1
    assert result.stdout.startswith(f"failed    {path.name}: ")
    assert result.stdout.endswith("File name too long\n") or "(File name too long)" in result.stdout
    assert "Error" not in result.stdout
    assert result.stdout.count("\n") == 1
