"""Folders that did not change are believed after one look at each of their files."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog import index, verdicts
from checkpoint_meta.catalog.database import Database, index_file
from checkpoint_meta.catalog.index import Index
from checkpoint_meta.catalog.kept_group import KeptGroup
from checkpoint_meta.catalog.known import Known, key_of
from checkpoint_meta.catalog.marks import mark_of, state_in
from checkpoint_meta.catalog.memory import Memory
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.row import FileState, Status
from checkpoint_meta.catalog.scan import scan, scan_groups
from checkpoint_meta.paths import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.catalog.database import Line
    from checkpoint_meta.catalog.row import Row

KEPT = ScanOptions(use_index=True, whole=False)


@pytest.fixture(autouse=True)
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an index of its own, and let its files be old."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(tmp_path / "cache"))
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**10)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how often the file system is asked, by the name of the call."""
    counts: Counter[str] = Counter()

    def spied(name: str) -> None:
        real = getattr(os, name)

        def spy(*given: object, **named: object) -> object:
            counts[name] += 1
            return real(*given, **named)

        monkeypatch.setattr(os, name, spy)

    for name in ("stat", "scandir", "listdir", "open"):
        spied(name)
    return counts


def _names(rows: list[Row]) -> list[str]:
    return sorted(os.path.basename(row.path) for row in rows)  # noqa: PTH119


def test_an_unchanged_tree_costs_one_look_a_file(runs: Path, looks: Counter[str]) -> None:
    """No folder is listed and no file opened; each folder, checkpoint and sidecar is met once."""
    list(scan(runs, Layout(), KEPT))
    looks.clear()

    assert len(list(scan(runs, Layout(), KEPT))) == 6

    folders = 1 + 2 + 2
    above = len(runs.parents)
    assert looks["stat"] <= folders + 2 * 6 + above + 10
    assert looks["scandir"] == looks["listdir"] == 0


def _new_file(runs: Path) -> None:
    (runs / "a" / "checkpoints" / "new.ckpt").write_bytes(b"new")


def _new_folder(runs: Path) -> None:
    (runs / "c" / "deep").mkdir(parents=True)
    (runs / "c" / "deep" / "new.ckpt").write_bytes(b"new")


def _gone_folder(runs: Path) -> None:
    shutil.rmtree(runs / "a")


def _renamed_folder(runs: Path) -> None:
    (runs / "a").rename(runs / "z")


def _swapped_folders(runs: Path) -> None:
    (runs / "a").rename(runs / "x")
    (runs / "b").rename(runs / "a")
    (runs / "x").rename(runs / "b")


def _gone_sidecar(runs: Path) -> None:
    (runs / "b" / "checkpoints" / "epoch=1.metadata.yaml").unlink()


def _gone_hydra(runs: Path) -> None:
    (runs / "b" / ".hydra").rmdir()


def _linked_folder(runs: Path) -> None:
    (runs / "linked").symlink_to("a")


CHANGES = (
    _new_file,
    _new_folder,
    _gone_folder,
    _renamed_folder,
    _swapped_folders,
    _gone_sidecar,
    _gone_hydra,
    _linked_folder,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changes_is_seen(runs: Path, change: Callable[[Path], None]) -> None:
    """With the index a scan sees what a scan without it sees, and again after that."""
    list(scan(runs, Layout(), KEPT))
    change(runs)

    expected = [row._replace(values=dict(row.values)) for row in scan(runs, Layout())]
    whole = ScanOptions(use_index=True)
    for _ in range(2):
        rows = [row._replace(values=dict(row.values)) for row in scan(runs, Layout(), whole)]
        assert rows == expected


def test_a_link_elsewhere_is_followed_anew(runs: Path) -> None:
    """What a link leads to may change without its folder knowing."""
    (runs / "linked").symlink_to("a/checkpoints")
    list(scan(runs, Layout(), KEPT))
    shutil.rmtree(runs / "a" / "checkpoints")

    rows = list(scan(runs, Layout(), KEPT))

    assert len(rows) == 3


def test_rows_of_a_changed_folder_keep_all_their_fields(runs: Path) -> None:
    """A short list that reads one file anew does not cost the others what it did not show."""
    list(scan(runs, Layout(), ScanOptions(use_index=True)))
    _new_file(runs)
    list(scan(runs, Layout(), KEPT))

    rows = scan(runs, Layout(), ScanOptions(use_index=True))

    written_by = [row.values.get(("written_by",)) for row in rows if row.status is Status.OK]
    assert len(written_by) == 6
    assert None not in written_by


def test_what_is_gone_leaves_the_index(runs: Path) -> None:
    """A deleted run takes no room for ever."""
    list(scan(runs, Layout(), KEPT))
    _gone_folder(runs)

    list(scan(runs, Layout(), KEPT))

    keys = Database(index_file()).ask("SELECT key FROM folders")
    assert {key for (key,) in keys} == {
        key_of(str(runs / place)) for place in (".", "b", "b/checkpoints")
    } - {key_of(str(runs / "."))} | {key_of(str(runs))}


def test_a_part_of_a_tree_leaves_the_rest_alone(runs: Path) -> None:
    """A scan of one run forgets nothing about its neighbors."""
    list(scan(runs, Layout(), KEPT))

    list(scan(runs / "a", Layout(), KEPT))

    rows = Database(index_file()).ask("SELECT sum(total) FROM folders")
    assert rows == [(6,)]


@pytest.fixture
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another process look at files, however few there are."""
    monkeypatch.setattr(index, "FEW", 0)
    monkeypatch.setattr(verdicts, "can_fork", lambda: True)


def _known(runs: Path) -> list[Known]:
    """Return what the index holds of two folders."""
    list(scan(runs, Layout(), KEPT))
    lines = Database(index_file()).ask("SELECT settings FROM contexts")
    asked = Index(Database(index_file()), str(lines[0][0]))
    asked.begin(key_of(str(runs)))
    taken = (asked.take(key_of(str(runs / name))) for name in ("a/checkpoints", "b/checkpoints"))
    return [one[0] for one in taken if one]


def _taken(runs: Path) -> list[bool]:
    """Return for two folders whether the index that is asked anew believes in them."""
    lines = Database(index_file()).ask("SELECT settings FROM contexts")
    asked = Index(Database(index_file()), str(lines[0][0]))
    asked.begin(key_of(str(runs)))
    taken = [asked.take(key_of(str(runs / name))) for name in ("a/checkpoints", "b/checkpoints")]
    asked.close()
    return [one[1] for one in taken if one]


@pytest.mark.parametrize("few", [0, 10**9], ids=["two", "one"])
def test_two_processes_find_what_one_finds(
    runs: Path, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which process looks at a file makes no difference."""
    list(scan(runs, Layout(), KEPT))
    monkeypatch.setattr(index, "FEW", few)
    monkeypatch.setattr(verdicts, "can_fork", lambda: True)
    before = _taken(runs)
    (runs / "b" / "checkpoints" / "epoch=1.ckpt").write_bytes(b"another")

    assert before == [True, True]
    assert _taken(runs) == [True, False]


@pytest.mark.usefixtures("forking")
@pytest.mark.parametrize("folders", [0, 1, 3])
def test_a_process_that_dies_costs_speed_only(
    runs: Path, folders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other process did not get to, this one looks at itself."""
    list(scan(runs, Layout(), KEPT))
    own = os.getpid()
    real = Known.is_believed
    judged: list[str] = []

    def dying(self: Known) -> bool:
        judged.append(self.key)
        if os.getpid() != own and len(judged) > folders:
            os._exit(1)
        return real(self)

    monkeypatch.setattr(Known, "is_believed", dying)

    assert _taken(runs) == [True, True]
    assert judged


@pytest.mark.usefixtures("forking")
def test_a_line_that_is_written_anew_meanwhile_is_looked_at_again(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process judged another line than the one that this one has."""
    list(scan(runs, Layout(), KEPT))
    file = runs / "b" / "checkpoints" / "epoch=1.ckpt"
    own = os.getpid()
    real = Index._ask

    def late(self: Index, count: int) -> list[Line]:
        if os.getpid() != own and not marker.exists():
            # The checkpoint changes, and somebody writes what is true of it now.
            file.write_bytes(b"another")
            marker.touch()
            list(scan(runs, Layout(), replace(KEPT, jobs=1)))
        return real(self, count)

    marker = runs / "marker"
    monkeypatch.setattr(Index, "_ask", late)

    assert _taken(runs) == [True, False]
    assert marker.exists()


@pytest.mark.usefixtures("forking")
def test_a_list_that_is_stopped_leaves_no_process(runs: Path) -> None:
    """Whoever wants the first rows only does not wait for the rest."""
    list(scan(runs, Layout(), KEPT))
    found = scan(runs, Layout(), KEPT)
    next(found)

    found.close()  # type: ignore[attr-defined]

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_groups_answer_alike(runs: Path) -> None:
    """A folder from the index has the columns of one that was just read."""
    _new_file(runs)
    read = list(scan_groups(runs, Layout(), ScanOptions(whole=False)))
    list(scan(runs, Layout(), KEPT))

    kept = list(scan_groups(runs, Layout(), KEPT))

    for one, other in zip(read, kept, strict=True):
        assert list(one.statuses()) == list(other.statuses())
        assert list(one.eligible()) == list(other.eligible())
        for field in (("metrics", "hmean"), ("checkpointing", "mode"), ("nowhere",)):
            assert list(one.cells(field)) == list(other.cells(field))
        assert [dict(row.values) for row in one] == [dict(row.values) for row in other]
        assert _names(list(one)) == _names(list(other))


@pytest.mark.parametrize(
    "state",
    [FileState(1, 2, 3, 4), FileState(1, -5, 3, 2**64 - 1), FileState(1, 14 * 10**18, 3, 4)],
    ids=["usual", "before 1970", "far from now"],
)
def test_any_state_has_a_mark(state: FileState) -> None:
    """Times before 1970 or far from now, and inodes of 64 bits, fit too."""
    assert len(mark_of(state)) == len(mark_of(None))
    assert mark_of(state) != mark_of(state._replace(mtime_ns=state.mtime_ns + 1))
    assert mark_of(None) != mark_of(state)
    back = state_in(mark_of(state))
    assert back is not None
    assert (back.size, back.inode) == (state.size, state.inode)
    assert back == state or state.mtime_ns >= 2**63


def test_the_memory_forgets_what_was_used_least(runs: Path) -> None:
    """It holds rows up to its capacity, and each folder once."""
    first, second = _known(runs)
    memory = Memory(capacity=9)
    memory.put("", first)
    memory.put("", first)
    memory.put("", second)
    memory.get("", first.key)

    memory.put("", second._replace(key="third"))

    assert memory.get("", second.key) is None
    assert memory.get("", first.key) == first


@pytest.mark.usefixtures("forking")
def test_no_process_more_costs_speed_only(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system allows no other process, this one looks itself."""
    list(scan(runs, Layout(), KEPT))

    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)

    assert _taken(runs) == [True, True]


@pytest.mark.usefixtures("forking")
def test_no_file_more_costs_speed_only(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more files may be open, nothing is found out ahead."""
    list(scan(runs, Layout(), KEPT))

    def refused() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(os, "pipe", refused)

    assert _taken(runs) == [True, True]


@pytest.mark.usefixtures("forking")
def test_nobody_may_want_to_hear_of_children(runs: Path) -> None:
    """Under `trap '' CHLD` nothing is left of a process to wait for."""
    list(scan(runs, Layout(), KEPT))
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert _taken(runs) == [True, True]
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_fields_are_of_the_row_whoever_else_writes(runs: Path) -> None:
    """Another process writes the folder anew between two questions of this one."""
    whole = ScanOptions(use_index=True)
    list(scan(runs, Layout(), whole))
    key = key_of(str(runs / "a" / "checkpoints"))
    settings = str(Database(index_file()).ask("SELECT settings FROM contexts")[0][0])
    index = Index(Database(index_file()), settings)
    index.begin(key_of(str(runs)))
    taken = index.take(key)
    (runs / "a" / "checkpoints" / "a.ckpt").write_bytes(b"new")
    list(scan(runs, Layout(), whole))

    known = index.completed(taken[0]) if taken else None

    assert known is not None
    group = KeptGroup("", "", known)
    assert len(group) == len(group.cells(("written_by",))) == 4
