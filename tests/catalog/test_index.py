from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog import database, scan
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.row import Status
from checkpoint_meta.convert import convert
from checkpoint_meta.paths import Layout, iter_checkpoints
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.catalog.row import Row

HMEAN = ("metrics", "hmean")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the index of each test in a folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(folder))
    return folder


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scan believe that the files of this test are old."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**10)


def _scan(root: Path, options: ScanOptions | None = None) -> dict[str, Row]:
    chosen = options or ScanOptions(use_index=True)
    rows = scan.scan(root, Layout(root=root), chosen)
    return {str(Path(row.path).relative_to(root)): row for row in rows}


def _plain(rows: dict[str, Row]) -> object:
    return {name: (dict(row.values), row._replace(values={})) for name, row in rows.items()}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "light"])
def test_a_second_scan_reads_nothing_and_sees_the_same(
    runs: Path, outputs: Path, read: list[str], whole: bool
) -> None:
    """Rows from the index are those that were read, with and without sidecars."""
    outputs.rename(runs / "c")
    (runs / "a" / "checkpoints" / "last.ckpt").symlink_to("epoch=1.ckpt")
    (runs / "a" / "checkpoints" / "epoch=2.ckpt").unlink()
    (runs / "b" / "checkpoints" / "epoch=0.metadata.yaml").write_text("a: [", encoding="utf-8")
    without = _scan(runs, ScanOptions(whole=whole))
    read.clear()

    first = _scan(runs, ScanOptions(whole=whole, use_index=True))
    after_first = len(read)
    second = _scan(runs, ScanOptions(whole=whole, use_index=True))

    assert after_first == len(first) == 10
    assert len(read) == after_first
    assert _plain(first) == _plain(second) == _plain(without)


@pytest.mark.usefixtures("settled")
def test_only_what_changed_is_read_again(runs: Path, read: list[str]) -> None:
    """An edited sidecar, a replaced checkpoint, a new and a deleted one are all seen."""
    _scan(runs)
    read.clear()
    folder = runs / "a" / "checkpoints"
    sidecar = folder / "epoch=0.metadata.yaml"
    document = read_sidecar(sidecar)
    write_sidecar(sidecar, document | {"metrics": {"hmean": 0.9}})
    (folder / "epoch=1.ckpt").write_bytes(b"another")
    (folder / "new.ckpt").write_bytes(b"new")
    (runs / "b" / "checkpoints" / "epoch=2.ckpt").unlink()
    (runs / "b" / "checkpoints" / "epoch=2.metadata.yaml").unlink()

    rows = _scan(runs)

    assert sorted(read) == ["epoch=0.ckpt", "epoch=1.ckpt", "new.ckpt"]
    assert rows["a/checkpoints/epoch=0.ckpt"].values[HMEAN] == 0.9
    assert rows["a/checkpoints/epoch=1.ckpt"].status is Status.INVALID
    assert "b/checkpoints/epoch=2.ckpt" not in rows
    assert len(rows) == 6


@pytest.mark.usefixtures("settled")
def test_a_change_within_the_same_tick_is_seen(runs: Path) -> None:
    """Same size, same time, written in place: the time of change tells."""
    _scan(runs)
    sidecar = runs / "a" / "checkpoints" / "epoch=0.metadata.yaml"
    before = sidecar.stat()
    text = sidecar.read_text(encoding="utf-8").replace("hmean: 0.5", "hmean: 0.6")
    sidecar.write_text(text, encoding="utf-8")
    os.utime(sidecar, ns=(before.st_atime_ns, before.st_mtime_ns))

    rows = _scan(runs)

    assert sidecar.stat().st_size == before.st_size
    assert rows["a/checkpoints/epoch=0.ckpt"].values[HMEAN] == 0.6


def test_what_just_changed_is_not_kept(runs: Path, read: list[str]) -> None:
    """Where two changes can have the same time, the first one is not believed."""
    _scan(runs)
    read.clear()

    _scan(runs)

    assert len(read) == 6


@pytest.mark.usefixtures("settled")
def test_a_changed_configuration_is_seen(outputs: Path) -> None:
    """A checkpoint without a sidecar is read anew when its run's files change."""
    before = _scan(outputs)
    (config,) = outputs.rglob("config.yaml")
    text = config.read_text(encoding="utf-8").replace("exp_name: demo", "exp_name: other")
    config.write_text(text, encoding="utf-8")

    after = _scan(outputs)

    assert {row.values["exp_name",] for row in before.values()} == {"demo"}
    assert {row.values["exp_name",] for row in after.values()} == {"other"}


@pytest.mark.usefixtures("settled")
def test_another_reading_has_other_rows(outputs: Path, read: list[str]) -> None:
    """A user's own names for metrics change what is read, so they do not share rows."""
    _scan(outputs)
    read.clear()

    _scan(outputs, ScanOptions({"hmean": "val/f1"}, use_index=True))

    assert len(read) == 3


@pytest.mark.usefixtures("settled")
def test_refresh_reads_everything(runs: Path, read: list[str]) -> None:
    """`--refresh` does not believe the index, and writes it anew."""
    _scan(runs)
    read.clear()

    _scan(runs, ScanOptions(use_index=True, refresh=True))
    _scan(runs)

    assert len(read) == 6


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("junk", [b"not a database at all, but long enough" * 100, b""])
def test_a_broken_index_is_rebuilt(runs: Path, cache: Path, read: list[str], junk: bytes) -> None:
    """After a crash the index is thrown away, and the scan goes on."""
    _scan(runs)
    (file,) = cache.iterdir()
    file.write_bytes(junk)

    assert len(_scan(runs)) == 6
    read.clear()
    assert len(_scan(runs)) == 6
    assert read == []


@pytest.mark.usefixtures("settled")
def test_a_damaged_page_costs_speed_only(runs: Path, cache: Path) -> None:
    """Bytes that rot in the middle of the file lead to no wrong row and no error."""
    expected = _plain(_scan(runs))
    (file,) = cache.iterdir()
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    file.write_bytes(raw)

    assert _plain(_scan(runs)) == expected
    assert _plain(_scan(runs)) == expected


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("total", ["'x'", "NULL", "x'00'", "1e30", "-5"])
def test_a_broken_count_costs_speed_only(runs: Path, cache: Path, total: str) -> None:
    """No part of a line is believed before its checksum."""
    expected = _plain(_scan(runs))
    (file,) = cache.iterdir()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE folders SET total = {total}")  # noqa: S608 - of this test
        connection.commit()

    assert _plain(_scan(runs)) == expected
    assert _plain(_scan(runs)) == expected


@pytest.mark.usefixtures("settled")
def test_a_broken_schema_costs_speed_only(runs: Path, cache: Path) -> None:
    """SQLite's own message may then be no text."""
    expected = _plain(_scan(runs))
    (file,) = cache.iterdir()
    raw = file.read_bytes()
    for place in range(raw.index(b"CREATE TABLE"), raw.index(b"CREATE TABLE") + 60, 7):
        file.write_bytes(raw[:place] + b"\xc5" + raw[place + 1 :])

        assert _plain(_scan(runs)) == expected


def test_no_cache_folder_costs_speed_only(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made is no error."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", "/proc/nowhere")

    assert len(_scan(runs)) == 6


@pytest.mark.usefixtures("settled")
def test_a_read_only_index_is_read(runs: Path, cache: Path, read: list[str]) -> None:
    """Where nothing can be written, what is there is used."""
    _scan(runs)
    (runs / "a" / "checkpoints" / "new.ckpt").write_bytes(b"new")
    read.clear()
    (file,) = cache.iterdir()
    file.chmod(0o444)
    cache.chmod(0o555)
    for folder in (runs.parent, *runs.parent.parents[:3]):
        folder.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)

    try:
        rows = _scan(runs)
    finally:
        os.seteuid(user)
        cache.chmod(0o700)

    assert len(rows) == 7
    assert read == ["new.ckpt"]


@pytest.mark.usefixtures("settled")
def test_a_locked_index_costs_speed_only(
    runs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs while it writes stops nobody."""
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    _scan(runs)
    (file,) = cache.iterdir()
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")

    try:
        rows = _scan(runs)
    finally:
        blocker.close()

    assert len(rows) == 6


def _scan_and_count(root: str) -> int:
    return sum(1 for _ in scan.scan(Path(root), Layout(), ScanOptions(use_index=True)))


@pytest.mark.usefixtures("settled")
def test_many_processes_at_once(runs: Path, read: list[str]) -> None:
    """Everybody builds, everybody sees all rows, and the index is whole afterwards."""
    context = multiprocessing.get_context("fork")
    with context.Pool(6) as pool:
        counts = pool.map(_scan_and_count, [str(runs)] * 12)

    assert counts == [6] * 12
    assert _scan_and_count(str(runs)) == 6
    assert read == []


def test_a_killed_process_leaves_an_index(runs: Path, cache: Path) -> None:
    """A scan that is killed at any moment is finished by the next one."""
    for path in runs.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    code = (
        "import os, signal, sqlite3\n"
        "from pathlib import Path\n"
        "from checkpoint_meta.catalog import index, scan\n"
        "from checkpoint_meta.paths import Layout\n"
        "real = index.Index._number\n"
        "def dying(self, connection):\n"
        "    real(self, connection)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "index.Index._number = dying\n"
        "scan.time.time_ns = lambda: 2 * 10**18\n"
        f"list(scan.scan(Path({str(runs)!r}), Layout(), scan.ScanOptions(use_index=True)))\n"
    )
    died = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)

    rows = _scan(runs)

    assert died.returncode == -9, died.stderr
    assert len(rows) == 6
    connection = sqlite3.connect(next(cache.glob("*.sqlite3")))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.usefixtures("settled")
def test_a_converted_run_is_seen(outputs: Path) -> None:
    """The status follows what `convert` does."""
    missing = _scan(outputs)
    list(convert(iter_checkpoints(outputs)))

    rows = _scan(outputs)

    assert {row.status for row in missing.values()} == {Status.MISSING}
    assert {row.status for row in rows.values()} == {Status.OK}


@pytest.mark.usefixtures("settled")
def test_a_link_that_points_elsewhere_is_seen(runs: Path, described: Callable[..., Path]) -> None:
    """`last.ckpt` is moved on to another checkpoint."""
    described(runs / "a" / "checkpoints" / "epoch=9.ckpt")
    link = runs / "a" / "checkpoints" / "last.ckpt"
    link.symlink_to("epoch=1.ckpt")
    before = _scan(runs)["a/checkpoints/last.ckpt"]
    link.unlink()
    link.symlink_to("epoch=2.ckpt")

    after = _scan(runs)["a/checkpoints/last.ckpt"]

    assert (before.link, before.values[HMEAN]) == ("epoch=1.ckpt", 0.75)
    assert (after.link, after.values[HMEAN]) == ("epoch=2.ckpt", 0.625)
