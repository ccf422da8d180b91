"""`ckpt-meta show`, as a user and a program see it."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from subprocess import run
from typing import TYPE_CHECKING

import pytest
import torch
from checkpoint_meta.cli.main import make_app
from typer.testing import CliRunner

if TYPE_CHECKING:
    from typer.testing import Result

CORPUS = Path(__file__).parent.parent / "corpus" / "checkpoints"
LIGHTNING = CORPUS / "lightning_like-torch-2.13.0.ckpt"

KEYS = [
    "path",
    "format",
    "size_bytes",
    "modified",
    "incomplete",
    "epoch",
    "global_step",
    "lightning_version",
    "weights_only",
    "tensor_count",
    "parameter_count",
    "parameter_bytes",
    "dtypes",
    "fingerprint",
    "hyper_parameters",
    "datamodule_hyper_parameters",
    "callbacks",
    "loops",
    "custom",
    "globals",
    "problems",
]


def show(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(make_app(), ["show", *(str(argument) for argument in arguments)])


def test_the_text_tells_what_is_known() -> None:
    """On a pipe, each fact is one line of a name and a value, without color."""
    result = show(LIGHTNING)

    lines = {tuple(line.split(maxsplit=1)) for line in result.stdout.splitlines() if "  " in line}
    assert result.exit_code == 0
    assert {("epoch", "7"), ("lr", "0.001"), ("cleval_metrics.hmean", "0.25")} <= lines
    assert {("monitor", "val/hmean"), ("best_model_score", "0.8125")} <= lines
    assert "\x1b" not in result.stdout


def test_tensors_are_listed_on_request() -> None:
    """`--tensors` adds one line for each tensor."""
    assert "norm.num_batches_tracked  int64     0-dim" in show(LIGHTNING, "--tensors").stdout
    assert "norm.num_batches_tracked" not in show(LIGHTNING).stdout


@pytest.mark.parametrize("name", ["tied-torch-1.4.0-legacy.ckpt", LIGHTNING.name])
def test_the_json_always_has_the_same_keys(name: str) -> None:
    """What is unknown is null; `tensors` is there if it is asked for."""
    document = json.loads(show(CORPUS / name, "--format", "json").stdout)
    with_tensors = json.loads(show(CORPUS / name, "--format", "jsonl", "--tensors").stdout)

    assert list(document) == KEYS
    assert list(with_tensors) == [*KEYS, "tensors"]
    assert list(with_tensors["tensors"][0]) == ["name", "shape", "dtype", "storage", "crc32"]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """A file that is no checkpoint is one line on stderr, and exit code 1."""
    path = tmp_path / "x.ckpt"
    path.write_text("<!DOCTYPE html>")

    result = show(path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "a web page, not a checkpoint" in result.stderr


def test_what_a_load_would_run_stands_out(tmp_path: Path) -> None:
    """Names that run things are shown; nothing of the file reaches the terminal as a code."""
    path = tmp_path / "x.ckpt"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/data.pkl", b"}X\x05\0\0\0epochcos\nsystem\n(X\x04\0\0\0\x1b[2JtRs.")
    path.write_bytes(stream.getvalue())

    result = show(path)

    assert "a load would run  os.system" in result.stdout
    assert "\x1b" not in result.stdout


def test_nothing_heavy_is_imported() -> None:
    """Showing needs none of what wrote the file, and on a pipe not even rich."""
    code = (
        f"import sys; sys.argv = ['ckpt-meta', 'show', {str(LIGHTNING)!r}]\n"
        "from checkpoint_meta.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'omegaconf', 'lightning', 'wandb', 'rich.console'}\n"
        "print(heavy & set(sys.modules))"
    )

    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_a_terminal_gets_frames(tmp_path: Path) -> None:
    """With color, sections are drawn; names with brackets stay as they are."""
    path = tmp_path / "x.ckpt"
    torch.save({"hyper_parameters": {"[bold]x": 1}}, path)

    result = show(path, "--color", "always")

    assert "╭" in result.stdout
    assert "[bold]x" in result.stdout
