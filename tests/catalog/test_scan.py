from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog.row import Status
from checkpoint_meta.catalog.scan import scan
from checkpoint_meta.convert import convert
from checkpoint_meta.paths import Layout, iter_checkpoints
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.catalog.row import Row

HMEAN = ("metrics", "hmean")
EPOCH = ("training", "epoch")


def _rows(root: Path) -> dict[str, Row]:
    return {os.path.basename(row.path): row for row in scan(root, Layout(root=root))}  # noqa: PTH119


def _converted(root: Path) -> Path:
    list(convert(iter_checkpoints(root)))
    return root


def test_a_checkpoint_without_a_sidecar_tells_what_it_knows(outputs: Path) -> None:
    """Its facts are those that `convert` would write."""
    missing = _rows(outputs)
    rows = _rows(_converted(outputs))

    assert {row.status for row in missing.values()} == {Status.MISSING}
    assert {row.status for row in rows.values()} == {Status.OK}
    assert {row.run for row in rows.values()} == {str(outputs / "2026-11-23" / "21-09-00")}
    for name, row in rows.items():
        for field in (HMEAN, EPOCH, ("exp_name",), ("model", "architecture")):
            assert row.values[field] == missing[name].values[field]


def test_a_replaced_checkpoint_is_stale_and_tells_its_own_facts(
    outputs: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """What the sidecar says of another file is not shown as this one's."""
    _converted(outputs)
    checkpoints = next(outputs.rglob("checkpoints"))
    make_checkpoint(checkpoints / "epoch=1-step=100.ckpt")

    row = _rows(outputs)["epoch=1-step=100.ckpt"]

    assert row.status is Status.STALE
    assert row.problem == "the checkpoint changed since its sidecar was written"
    assert row.values[EPOCH] == 3


def test_a_copied_run_is_not_stale(outputs: Path) -> None:
    """A copy has a new time and the same fingerprint."""
    _converted(outputs)
    for path in outputs.rglob("*.ckpt"):
        os.utime(path, (1, 1))

    assert {row.status for row in _rows(outputs).values()} == {Status.OK}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "not YAML"),
        ("- a list\n", "no mapping"),
        ("a: 1\n", "schema_version: missing"),
        ("schema_version: '2.0'\n", "checkpoint_path: missing"),
        ("schema_version: '2.0'\ncheckpoint_path: x\ntraining: {epoch: -1}\n", "training.epoch"),
    ],
)
def test_a_bad_sidecar_is_invalid_and_says_why(outputs: Path, text: str, problem: str) -> None:
    """The row has the checkpoint's own facts all the same."""
    checkpoint = next(outputs.rglob("epoch=2*.ckpt"))
    checkpoint.with_name("epoch=2-step=200.metadata.yaml").write_text(text, encoding="utf-8")

    row = _rows(outputs)["epoch=2-step=200.ckpt"]

    assert row.status is Status.INVALID
    assert row.problem is not None
    assert problem in row.problem
    assert row.readable
    assert row.values[HMEAN] == 0.875


def test_a_file_that_is_no_checkpoint_is_invalid(tmp_path: Path) -> None:
    """It is listed, with the reason, and with what its name says no row is worth."""
    (tmp_path / "epoch=3.ckpt").write_text("an error page", encoding="utf-8")

    (row,) = scan(tmp_path, Layout())

    assert row.status is Status.INVALID
    assert not row.readable
    assert row.problem is not None
    assert row.problem.startswith("not a checkpoint")


def test_a_cut_off_checkpoint_is_invalid(outputs: Path) -> None:
    """A half-downloaded file is not passed off as whole."""
    checkpoint = next(outputs.rglob("epoch=2*.ckpt"))
    os.truncate(checkpoint, checkpoint.stat().st_size - 200)

    row = _rows(outputs)["epoch=2-step=200.ckpt"]

    assert row.status is Status.INVALID
    assert not row.readable


def test_an_orphan_keeps_what_its_sidecar_says(runs: Path) -> None:
    """The checkpoint was pruned, its sidecar was not."""
    (runs / "a" / "checkpoints" / "epoch=1.ckpt").unlink()

    row = _rows(runs)["epoch=1"]

    assert row.status is Status.ORPHAN
    assert row.values[HMEAN] == 0.75
    assert row.location == str(runs / "a" / "checkpoints" / "epoch=1.metadata.yaml")


def test_a_link_is_a_row_that_says_what_it_points_to(outputs: Path) -> None:
    """Facts are those of the target; a dangling link is a row too."""
    _converted(outputs)
    folder = next(outputs.rglob("checkpoints"))
    (folder / "last.ckpt").symlink_to("epoch=3-step=300.ckpt")
    (folder / "gone.ckpt").symlink_to("epoch=9.ckpt")

    rows = _rows(outputs)

    assert rows["last.ckpt"].link == "epoch=3-step=300.ckpt"
    assert rows["last.ckpt"].status is Status.OK
    assert rows["last.ckpt"].values[EPOCH] == 3
    assert rows["gone.ckpt"].problem == "a dangling link to epoch=9.ckpt"
    assert not rows["gone.ckpt"].readable


def test_the_checkpoint_outranks_an_old_sidecar(outputs: Path) -> None:
    """The old callback's epoch and metrics are another moment's."""
    _converted(outputs)
    sidecar = next(outputs.rglob("epoch=2*.metadata.yaml"))
    document = read_sidecar(sidecar)
    old = {
        "schema_version": "1.0",
        "checkpoint_path": "x.ckpt",
        "exp_name": "demo",
        "created_at": "2025-10-18T12:00:00",
        "training": {"epoch": 7, "global_step": 700},
        "model": {
            "architecture": "unknown",
            "encoder": {"model_name": "unknown"},
            "decoder": {"name": "unknown"},
            "head": {"name": "unknown"},
            "loss": {"name": "unknown"},
        },
        "metrics": {"hmean": 0.1},
        "checkpointing": {"monitor": "val/hmean", "mode": "max"},
    }
    write_sidecar(sidecar, old)  # type: ignore[arg-type]

    row = _rows(outputs)["epoch=2-step=200.ckpt"]

    assert document["training"] == {"epoch": 2, "global_step": 200, "max_epochs": 30}
    assert row.status is Status.OK
    assert row.values[EPOCH] == 2
    assert row.values[HMEAN] == 0.875


def test_a_pin_survives_a_changed_checkpoint(
    outputs: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """What a person has set is never another file's."""
    _converted(outputs)
    sidecar = next(outputs.rglob("epoch=1*.metadata.yaml"))
    document = read_sidecar(sidecar)
    write_sidecar(sidecar, document | {"exp_name": "ours", "pinned": ["exp_name"]})
    make_checkpoint(sidecar.with_name("epoch=1-step=100.ckpt"))

    row = _rows(outputs)["epoch=1-step=100.ckpt"]

    assert row.status is Status.STALE
    assert row.values["exp_name",] == "ours"
