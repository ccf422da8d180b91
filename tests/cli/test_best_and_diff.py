from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands import RunHere

FOLDER = "outputs/2026-11-23/21-09-00/checkpoints"

pytestmark = pytest.mark.usefixtures("outputs")


def _edit(outputs: Path, epoch: int, **blocks: object) -> None:
    (sidecar,) = outputs.rglob(f"epoch={epoch}*.metadata.yaml")
    document = read_sidecar(sidecar)
    write_sidecar(sidecar, document | blocks)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "epoch"),
    [
        (("--metric", "hmean"), 2),
        (("--metric", "metrics.hmean", "--mode", "min"), 1),
        ((), 2),
        (("--metric", "hmean", "--where", "epoch != 2"), 3),
        (("--metric", "epoch"), 1),
    ],
    ids=["by name", "least", "monitored", "filtered", "no metric"],
)
def test_best_prints_one_path(run_here: RunHere, arguments: tuple[str, ...], epoch: int) -> None:
    """With or without sidecars; better is what the run recorded, unless it is said."""
    result = run_here("best", "outputs", *arguments)

    assert result.stdout == f"{FOLDER}/epoch={epoch}-step={epoch}00.ckpt\n"
    assert result.stderr == ""


def test_nothing_is_best(run_here: RunHere) -> None:
    """Exit 1, one sentence, and nothing that a script would take for a path."""
    result = run_here("best", "outputs", "--metric", "val/dice", code=1)

    assert result.stdout == ""
    assert result.stderr == "no checkpoint has val/dice\n"


def test_a_condition_that_nothing_meets_is_said(run_here: RunHere) -> None:
    """Not that no checkpoint has the metric: they do."""
    where = ("--where", "epoch > 1000")

    result = run_here("best", "outputs", "--metric", "hmean", *where, code=1)

    assert result.stdout == ""
    assert result.stderr == "no checkpoint matches\n"


def test_several_monitors_leave_it_open(outputs: Path, run_here: RunHere) -> None:
    """Somebody must say which metric is meant."""
    list(convert(iter_checkpoints(outputs)))
    _edit(outputs, 1, checkpointing={"monitor": "val/loss", "mode": "min", "score": 0.1})

    result = run_here("best", "outputs", code=2)

    assert "the runs monitored val/hmean, val/loss" in result.stderr


def test_what_is_not_that_checkpoint_is_passed_by(
    outputs: Path, run_here: RunHere, make_checkpoint: Callable[..., Path]
) -> None:
    """Links, stale ones, orphans and files that cannot be read are no candidates."""
    list(convert(iter_checkpoints(outputs)))
    folder = outputs.parent / FOLDER
    _edit(outputs, 3, metrics={"hmean": 0.99})
    make_checkpoint(folder / "epoch=3-step=300.ckpt")
    _edit(outputs, 2, metrics={"hmean": 0.98})
    (folder / "epoch=2-step=200.ckpt").unlink()
    (folder / "a.ckpt").symlink_to("epoch=1-step=100.ckpt")
    (folder / "broken.ckpt").write_text("oops", encoding="utf-8")

    result = run_here("best", "outputs", "--metric", "hmean")

    assert result.stdout == f"{FOLDER}/epoch=1-step=100.ckpt\n"


def test_a_tie_goes_to_the_earlier_step(outputs: Path, run_here: RunHere) -> None:
    """Whatever the names say."""
    list(convert(iter_checkpoints(outputs)))
    for epoch in (1, 2, 3):
        _edit(outputs, epoch, metrics={"hmean": 0.5}, training={"global_step": 1000 - epoch})

    result = run_here("best", "outputs", "--metric", "hmean")

    assert result.stdout == f"{FOLDER}/epoch=3-step=300.ckpt\n"


def test_best_as_json(run_here: RunHere) -> None:
    """The same shape as a row of `list`."""
    result = run_here("best", "outputs", "--format", "json")

    assert json.loads(result.stdout)["metadata"]["training"]["epoch"] == 2


def test_a_path_goes_out_byte_for_byte(outputs: Path, run_here: RunHere) -> None:
    """So that a shell finds the file, whatever its name is."""
    source = outputs.parent / FOLDER / "epoch=2-step=200.ckpt"
    source.rename(source.with_name("größte é.ckpt"))

    result = run_here("best", "outputs", "--metric", "hmean")

    assert os.path.exists(outputs.parent / result.stdout.removesuffix("\n"))  # noqa: PTH110


def test_diff_shows_what_differs(outputs: Path, run_here: RunHere) -> None:
    """Metrics, hyper-parameters, configuration, environment; what is the same is hidden."""
    list(convert(iter_checkpoints(outputs)))
    _edit(outputs, 1, hyperparameters={"optimizer": {"lr": 0.1, "name": "adam"}})
    _edit(outputs, 2, hyperparameters={"optimizer": {"lr": 0.2, "name": "adam"}})
    _edit(outputs, 3, environment={"lightning": "2.5.0"})

    result = run_here("diff", *(f"{FOLDER}/epoch={n}-step={n}00.ckpt" for n in (1, 2, 3)))

    lines = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert lines["field"] == [f"epoch={n}-step={n}00.ckpt" for n in (1, 2, 3)]
    assert lines["metrics.hmean"] == ["0.75", "0.875", "0.8125"]
    assert lines["hyperparameters.optimizer.lr"] == ["0.1", "0.2"]
    assert lines["environment.lightning"] == ["2.6.6", "2.6.6", "2.5.0"]
    assert "model.architecture" not in lines
    assert "config.exp_name" not in lines
    assert next(iter(lines)) == "field"
    assert list(lines)[1].startswith("metrics.")


def test_diff_reads_the_configurations(
    outputs: Path,
    run_here: RunHere,
    hydra_run: Callable[..., Path],
    make_checkpoint: Callable[..., Path],
) -> None:
    """Two runs differ in their Hydra configuration, secrets masked."""
    other = hydra_run(outputs / "other", "exp_name: demo\ntrainer: {lr: 1, api_key: abc}\n")
    make_checkpoint(other / "checkpoints" / "a.ckpt")

    result = run_here(
        "diff", f"{FOLDER}/epoch=1-step=100.ckpt", "outputs/other/checkpoints/a.ckpt", "--format",
        "json",
    )  # fmt: skip

    fields = {one["field"]: list(one["values"].values()) for one in json.loads(result.stdout)}
    assert fields["config.trainer.lr"] == [None, 1]
    assert fields["config.trainer.api_key"] == [None, "***"]
    assert fields["config.trainer.max_epochs"] == [30, None]
    assert "config.exp_name" not in fields


def test_no_difference_is_said(run_here: RunHere) -> None:
    """A checkpoint is like itself; with `--all` everything is shown."""
    path = f"{FOLDER}/epoch=1-step=100.ckpt"

    same = run_here("diff", path, path)
    everything = run_here("diff", path, path, "--all", "--format", "jsonl")

    assert same == ("", "no difference\n")
    assert any(json.loads(line)["field"] == "exp_name" for line in everything.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((f"{FOLDER}/epoch=1-step=100.ckpt",), 2, "name two checkpoints or more"),
        (("nowhere.ckpt", "nowhere.ckpt"), 2, "no such file or folder"),
        (("outputs", "outputs"), 2, "outputs: not a checkpoint"),
        (("broken.ckpt", f"{FOLDER}/epoch=1-step=100.ckpt"), 1, "broken.ckpt: not a checkpoint"),
    ],
    ids=["one", "absent", "folder", "broken"],
)
def test_diff_of_what_is_no_checkpoint(
    outputs: Path, run_here: RunHere, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    """One line each."""
    (outputs.parent / "broken.ckpt").write_text("oops", encoding="utf-8")

    result = run_here("diff", *arguments, code=code)

    assert reason in result.stderr


def test_the_index_can_be_looked_after(outputs: Path, run_here: RunHere) -> None:
    """Built, asked for, and removed."""
    for path in outputs.rglob("*"):
        os.utime(path, (1, 1))
    built = run_here("index", "build", "outputs")
    status = run_here("index", "status", "--format", "json")
    cleared = run_here("index", "clear")
    after = run_here("index", "status")

    found = json.loads(status.stdout)
    assert built.stderr.startswith("3 checkpoints in ")
    assert Path(found["file"]).parent == outputs.parent / "cache"
    assert found["size_bytes"] > 0
    assert cleared.stderr.endswith("1 file removed\n")
    assert after.stdout.endswith("no file, 0 checkpoints\n")


def test_a_broken_index_is_said(outputs: Path, run_here: RunHere) -> None:
    """`status` counts again after the rebuild."""
    run_here("list", "outputs")
    (file,) = (outputs.parent / "cache").iterdir()
    file.write_bytes(b"x" * 5000)

    result = run_here("index", "status")

    assert result.stdout.splitlines()[1].endswith("0 checkpoints")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM folders").fetchone() == (0,)
    connection.close()
