"""The index is a cache and never the truth: with it a scan sees what it sees without."""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.catalog.database import index_file
from checkpoint_meta.catalog.memory import Memory
from checkpoint_meta.catalog.options import ScanOptions
from checkpoint_meta.catalog.scan import scan
from checkpoint_meta.paths import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import FieldPath, JSONValue

TICK: Final = 0.012
"""Seconds after which file systems give a file another time."""

OLDER: Final = "schema_version: '1.0'\nexp_name: told\ntraining: {epoch: 3}\n"

READINGS: Final[tuple[dict[str, bool], ...]] = (
    {},
    {"whole": False},
    {"complete": True},
    {"sidecars": False},
)


@pytest.fixture(autouse=True)
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an index of its own, and let its files be old."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(tmp_path / "cache"))
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**10)


def _seen(root: Path, options: ScanOptions) -> list[tuple[Row, dict[FieldPath, JSONValue]]]:
    rows = scan(root, Layout(root=root), options, lambda _: None)
    return [(row._replace(values={}), dict(row.values)) for row in rows]


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        (".hydra/config.yaml", "a: [", "exp_name: told\n"),
        (".hydra/overrides.yaml", "", "- lr=3\n"),
        ("hparams.yaml", "", "lr: 1\n"),
        ("checkpoints/{stem}.ckpt.metadata.yaml", "a: [", OLDER),
    ],
)
def test_a_file_that_said_nothing_is_written_anew(
    outputs: Path, place: str, before: str, after: str
) -> None:
    """No folder changes, and no value came from the file, but one does now."""
    checkpoint = next(outputs.rglob("*.ckpt"))
    file = checkpoint.parent.parent / place.format(stem=checkpoint.stem)
    file.write_text(before, encoding="utf-8")
    time.sleep(TICK)
    first = _seen(outputs, ScanOptions(use_index=True))
    file.write_text(after, encoding="utf-8")

    second = _seen(outputs, ScanOptions(use_index=True))

    assert second == _seen(outputs, ScanOptions())
    assert second != first


def test_another_folder_becomes_the_run(outputs: Path) -> None:
    """A name may be the run's: once Hydra's folder appears elsewhere, it is another one's."""
    run = next(outputs.rglob(".hydra")).parent
    shutil.rmtree(run / ".hydra")
    _seen(outputs, ScanOptions(use_index=True))
    (run.parent / ".hydra").mkdir()

    rows = _seen(outputs, ScanOptions(use_index=True))

    assert rows == _seen(outputs, ScanOptions())
    assert {row.run for row, _ in rows} == {str(run.parent)}


def test_a_log_among_many_folders_is_seen(outputs: Path) -> None:
    """A run may hold hundreds of folders; a log may appear in any."""
    run = next(outputs.rglob(".hydra")).parent
    for number in range(300):
        (run / "images" / str(number)).mkdir(parents=True)
    _seen(outputs, ScanOptions(use_index=True))
    log = "epoch,step,val/loss\n" + "".join(f"{n},{n * 100 - 1},0.{n}\n" for n in (1, 2, 3))
    for place in ("0", "299"):
        (run / "images" / place / "metrics.csv").write_text(log, encoding="utf-8")

        assert _seen(outputs, ScanOptions(use_index=True)) == _seen(outputs, ScanOptions())


def test_a_link_has_the_sidecar_of_its_target(runs: Path) -> None:
    """The target's sidecar is rewritten in place: no folder changes, nor does the checkpoint."""
    folder = runs / "a" / "checkpoints"
    (folder / "last.ckpt").symlink_to("epoch=2.ckpt")
    _seen(runs, ScanOptions(use_index=True))
    sidecar = folder / "epoch=2.metadata.yaml"
    sidecar.write_text(sidecar.read_text().replace("0.625", "0.125"), encoding="utf-8")

    rows = _seen(runs, ScanOptions(use_index=True))

    assert rows == _seen(runs, ScanOptions())
    assert [values["metrics", "hmean"] for row, values in rows if row.link] == [0.125]


def test_the_folder_above_a_linked_one(runs: Path, described: Callable[..., Path]) -> None:
    """`link/..` lies where the link leads to, whatever stands beside the link itself."""
    described(runs / "else" / "b" / "other.ckpt")
    (runs / "else" / "deep").mkdir()
    (runs / "link").symlink_to("else/deep")
    _seen(runs, ScanOptions(use_index=True))
    root = runs / "link" / ".."

    rows = _seen(root, ScanOptions(use_index=True))

    assert [row.path for row, _ in rows] == [f"{root}/b/other.ckpt"]


def test_a_link_in_a_linked_folder_leads_where_it_does(
    outputs: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`../x.ckpt` is beside the folder itself, not beside the link to it."""
    make_checkpoint(tmp_path / "else" / "x.ckpt", epoch=7)
    (tmp_path / "else" / "deep").mkdir()
    (tmp_path / "else" / "deep" / "last.ckpt").symlink_to("../x.ckpt")
    make_checkpoint(outputs / "x.ckpt", epoch=3)
    (outputs / "link").symlink_to(tmp_path / "else" / "deep")

    rows = _seen(outputs, ScanOptions())

    assert [values["training", "epoch"] for row, values in rows if row.link] == [7]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "written", ["0.75", "epoch=1.ckpt", '"ok"', '"how":"convert"', "light TEXT"]
)
def test_an_index_that_the_disk_changed_is_rebuilt(runs: Path, written: str, whole: bool) -> None:
    """SQLite does not notice a byte that is another one within a text."""
    options = ScanOptions(whole=whole)
    kept = replace(options, use_index=True)
    _seen(runs, kept)
    content = index_file().read_bytes()
    place = content.index(written.encode()) + 1
    changed = bytes([content[place] ^ 4])
    index_file().write_bytes(content[:place] + changed + content[place + 1 :])

    for _ in range(2):
        assert _seen(runs, kept) == _seen(runs, options)


class _Changes:
    """Changes of a tree, drawn at random."""

    def __init__(self, root: Path, seed: int, material: Sequence[Path]) -> None:
        self._root = root
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._material = material

    def make(self) -> str:
        """Make one, and return its name."""
        kinds = [name for name in dir(self) if name.startswith("_do_")]
        kind = self._random.choice(kinds)
        try:
            getattr(self, kind)()
        except (OSError, ValueError):
            return f"{kind} (refused)"
        return kind

    def _folder(self) -> Path:
        folders = (place for place, _, _ in os.walk(self._root))
        return self._root / self._random.choice(list(folders))

    def _path(self, pattern: str) -> Path:
        found = sorted(path for path in self._root.rglob(pattern) if path.is_file())
        if not found:
            raise FileNotFoundError(pattern)
        return self._random.choice(found)

    def _do_add_folder(self) -> None:
        (self._folder() / self._random.choice(("a", "z!", "checkpoints", "version_0"))).mkdir()

    def _do_write_checkpoint(self) -> None:
        name = self._random.choice(("last.ckpt", "a.ckpt"))
        shutil.copy(self._random.choice(self._material), self._folder() / name)

    def _do_write_sidecar(self) -> None:
        sidecar = self._path("*.ckpt").with_suffix(".metadata.yaml")
        how = self._random.choice(("convert", "training"))
        epoch = self._random.randrange(9)
        sidecar.write_text(
            "schema_version: '2.0'\ncheckpoint_path: x.ckpt\n"
            f"created_at: '2026-11-23T21:09:00Z'\ntraining: {{epoch: {epoch}}}\n"
            f"written_by: {{tool: checkpoint-meta, version: 0.1.0, how: {how}}}\n"
        )

    def _do_break_sidecar(self) -> None:
        self._path("*.metadata.yaml").write_text(self._random.choice(("", "a: [", "x: 1\n")))

    def _do_change_one_byte(self) -> None:
        file = self._path("*")
        status, content = file.stat(), bytearray(file.read_bytes())
        content[self._random.randrange(len(content))] = ord("7")
        with file.open("r+b") as stream:
            stream.write(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _do_set_time(self) -> None:
        when = self._random.choice((0, 10**18, time.time_ns() + 10**13))
        os.utime(self._path("*"), ns=(when, when))

    def _do_remove(self) -> None:
        self._path("*").unlink()

    def _do_remove_folder(self) -> None:
        folder = self._folder()
        if folder != self._root:
            shutil.rmtree(folder)

    def _do_rename(self) -> None:
        path = self._random.choice(sorted(self._root.rglob("*")))
        path.rename(self._folder() / self._random.choice(("b", "a.ckpt", "a.metadata.yaml")))

    def _do_swap(self) -> None:
        one, other = self._folder(), self._folder()
        one.rename(self._root / "swapped")
        other.rename(one)
        (self._root / "swapped").rename(other)

    def _do_copy(self) -> None:
        folder = self._folder()
        if sum(1 for _ in self._root.rglob("*")) < 100 and folder != self._root:
            shutil.copytree(folder, self._root / f"copy{self._random.randrange(3)}", symlinks=True)

    def _do_add_hydra(self) -> None:
        hydra = self._folder() / ".hydra"
        hydra.mkdir(exist_ok=True)
        name = self._random.choice(("config.yaml", "overrides.yaml"))
        (hydra / name).write_text(self._random.choice(("", "a: [", "exp_name: x\n", "- a=1\n")))

    def _do_add_log(self) -> None:
        rows = "".join(f"{n},{n * 100 - 1},0.{n}\n" for n in range(self._random.randrange(4)))
        (self._folder() / "metrics.csv").write_text(f"epoch,step,val/loss\n{rows}")

    def _do_link(self) -> None:
        target = self._random.choice(sorted(self._root.rglob("*")))
        link = self._folder() / self._random.choice(("last.ckpt", "linked", "self.ckpt"))
        link.symlink_to(link.name if link.stem == "self" else os.path.relpath(target, link.parent))

    def _do_mode(self) -> None:
        self._path("*").chmod(self._random.choice((0o600, 0o644)))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_a_scan_sees_the_same(outputs: Path, seed: int) -> None:
    """After each of many changes, for every way of reading, with index and memory."""
    material = sorted(outputs.rglob("*.ckpt"))[:2]
    root = outputs.parent / "tree"
    shutil.copytree(outputs, root)
    changes, memory, made = _Changes(root, seed, material), Memory(), []
    for step in range(25):
        made += [changes.make() for _ in range(1 + step % 3)]
        time.sleep(TICK)
        reading = READINGS[(seed + step) % len(READINGS)]
        expected = _seen(root, ScanOptions(**reading))  # type: ignore[arg-type]
        fields = set(chain.from_iterable(values for _, values in expected))
        for kept in (None, memory):
            options = ScanOptions(**reading, memory=kept, use_index=True)  # type: ignore[arg-type]
            rows = _seen(root, options)
            shown = [
                (row, {k: v for k, v in values.items() if k in fields}) for row, values in rows
            ]
            assert shown == expected, made
