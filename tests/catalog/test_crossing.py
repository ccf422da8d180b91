"""Rows that other processes read are those that this one would have read."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog import facts, parts, scan
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.row import Row, Status
from checkpoint_meta.convert import convert
from checkpoint_meta.paths import Layout, iter_checkpoints
from checkpoint_meta.workers import DIED
from tests.catalog.conftest import Described, describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.catalog.found import Found
    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.catalog.row import Facts


@pytest.fixture
def mixed(outputs: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a folder with a row of every status, links, and runs of several folders."""
    list(convert(iter_checkpoints(outputs)))
    folder = next(outputs.rglob("checkpoints"))
    (folder / "last.ckpt").symlink_to("epoch=1-step=100.ckpt")
    (folder / "gone.ckpt").symlink_to("nowhere.ckpt")
    (folder / "orphan.metadata.yaml").write_text(
        'schema_version: "2.0"\ncheckpoint_path: orphan.ckpt\nmetrics:\n  hmean: 0.5\n',
        encoding="utf-8",
    )
    make_checkpoint(folder / "missing.ckpt")
    make_checkpoint(folder / "stale.ckpt")
    list(convert(iter_checkpoints(folder / "stale.ckpt")))
    make_checkpoint(folder / "stale.ckpt", epoch=7, extra={"note": "another"})
    (folder / "broken.ckpt").write_bytes(b"no checkpoint")
    bad = make_checkpoint(folder / "bad.ckpt")
    bad.with_name("bad.metadata.yaml").write_text("a: [", encoding="utf-8")
    for run in range(5):
        for epoch in range(20):
            name = outputs / f"run-{run}" / "checkpoints" / f"epoch={epoch}.ckpt"
            describe(name, Described(epoch, epoch / 20 + run / 1000))
    return outputs


def _rows(root: Path, options: ScanOptions) -> list[Row]:
    rows = scan.scan(root, Layout(root=root), options, lambda _: None)
    return [row._replace(values=dict(row.values)) for row in rows]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("use_index", [True, False])
def test_other_processes_read_the_same_rows(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool, use_index: bool
) -> None:
    """In the same order, with the same values, problems and links; and so does the index after."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(tmp_path / "cache"))
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**10)
    monkeypatch.setattr(scan, "ALONE", 0)
    monkeypatch.setattr(parts, "ENOUGH", 7)
    alone = _rows(mixed, ScanOptions(whole=whole, jobs=1))

    read = _rows(mixed, ScanOptions(whole=whole, jobs=2, use_index=use_index))
    again = _rows(mixed, ScanOptions(whole=whole, jobs=2, use_index=use_index))

    assert {row.status for row in alone} == {*Status}
    assert len(alone) == 110
    assert read == alone
    assert again == alone


def test_a_checkpoint_that_kills_its_process_is_one_invalid_row(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbors are read all the same."""
    own, real = os.getpid(), facts.read_facts

    def deadly(found: Found, reading: Reading) -> Facts:
        if os.getpid() != own and found.name == "epoch=1.ckpt" and found.run.endswith("b"):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(found, reading)

    monkeypatch.setattr(scan, "ALONE", 0)
    monkeypatch.setattr("checkpoint_meta.catalog.crossing.read_facts", deadly)

    rows = _rows(runs, ScanOptions(jobs=2))

    problems = {row.path: row.problem for row in rows if row.status is not Status.OK}
    assert problems == {str(runs / "b" / "checkpoints" / "epoch=1.ckpt"): DIED}
    assert len(rows) == 6


def test_few_sidecars_start_no_process(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting one takes as long as reading a hundred."""

    def refused() -> int:
        raise AssertionError

    monkeypatch.setattr(os, "fork", refused)

    assert len(_rows(runs, ScanOptions(jobs=2))) == 6
