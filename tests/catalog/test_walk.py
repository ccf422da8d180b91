from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog.found import Listing
from checkpoint_meta.catalog.walk import Walk
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import CheckpointFile, Layout, find_run_dir, iter_checkpoints

if TYPE_CHECKING:
    from checkpoint_meta.catalog.found import Found


def _walk(root: Path, layout: Layout | None = None) -> list[Found]:
    walk = Walk(layout or Layout(root=root), lambda _: None)
    return _found(walk, root)


def _found(walk: Walk, root: Path) -> list[Found]:
    listings = (one for one in walk.below(root) if isinstance(one, Listing))
    return [found for listing in listings for found in listing.found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with everything that is found or passed over."""
    names = (
        "a.ckpt",
        "run/.hydra/config.yaml",
        "run/checkpoints/epoch=1.ckpt",
        "run/checkpoints/val/hmean=0.5.pt",
        "run/nested/version_3/checkpoints/x.safetensors",
        "plain/checkpoints/x.pth",
        "plain/notes.txt",
        "sharded.ckpt/meta.pt",
        "sharded.ckpt/.metadata",
        "sharded.ckpt/__0_0.distcp",
        "deep/epoch=3-val=0.89/.metadata",
        "deep/epoch=3-val=0.89/inner.ckpt",
        ".git/x.ckpt",
        "weights/model.weights",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"content")
    (tmp_path / "run" / "checkpoints" / "last.ckpt").symlink_to("epoch=1.ckpt")
    (tmp_path / "run" / "checkpoints" / "gone.ckpt").symlink_to("nowhere.ckpt")
    (tmp_path / "run" / "again").symlink_to("..")
    (tmp_path / "best.ckpt").symlink_to("sharded.ckpt")
    return tmp_path


@pytest.mark.parametrize("patterns", [(), ("*.weights",)], ids=["usual", "more"])
def test_it_finds_what_every_command_finds(tree: Path, patterns: tuple[str, ...]) -> None:
    """The fast walk and `iter_checkpoints` see the same checkpoints, runs and sidecars."""
    layout = Layout(patterns=patterns, root=tree)
    expected = list(iter_checkpoints(tree, layout))
    for checkpoint in expected:
        if not checkpoint.path.name.startswith("x"):
            checkpoint.sidecar.write_text("schema_version: '2.0'\n", encoding="utf-8")

    found = _walk(tree, layout)

    assert sorted(one.path for one in found) == sorted(str(one.path) for one in expected)
    for one in found:
        checkpoint = CheckpointFile(Path(one.path), layout)
        assert one.run == str(find_run_dir(checkpoint.path.parent))
        assert one.sidecar == (str(checkpoint.sidecar) if checkpoint.sidecar.exists() else None)
        assert one.is_link == checkpoint.is_link
        assert not one.is_orphan


@pytest.mark.parametrize("root", [".", "run", "run/checkpoints", "./plain", "sharded.ckpt"])
def test_relative_roots_are_the_same_too(
    tree: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths and runs are written as a `Path` writes them, from wherever the search begins."""
    monkeypatch.chdir(tree)

    found = _walk(Path(root))

    expected = list(iter_checkpoints(Path(root)))
    assert sorted(one.path for one in found) == sorted(str(one.path) for one in expected)
    runs = {str(one.path): str(find_run_dir(one.path.parent)) for one in expected}
    assert {one.path: one.run for one in found} == runs


def test_one_file_is_a_root_too(tree: Path) -> None:
    """A PATH may be a checkpoint."""
    (found,) = _walk(tree / "run" / "checkpoints" / "last.ckpt")

    assert found.name == "last.ckpt"
    assert found.is_link
    assert found.run == str(tree / "run")


def test_a_sidecar_without_its_checkpoint_is_found(tmp_path: Path) -> None:
    """Neither the sidecar of a sharded folder nor an older name is an orphan."""
    (tmp_path / "x.ckpt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".metadata").touch()
    for stem in ("x", "x.ckpt", "folder", "pruned"):
        (tmp_path / f"{stem}.metadata.yaml").touch()

    orphans = [one for one in _walk(tmp_path) if one.is_orphan]

    assert [one.sidecar for one in orphans] == [str(tmp_path / "pruned.metadata.yaml")]


def test_sidecars_stand_in_the_mirror(tmp_path: Path) -> None:
    """With `sidecar_dir`, the mirror folder is looked at in place of the checkpoint's."""
    mirror, root = tmp_path / "mirror", tmp_path / "outputs"
    for path in (root / "run" / "a.ckpt", mirror / "run" / "a.metadata.yaml"):
        path.parent.mkdir(parents=True)
        path.touch()
    (mirror / "run" / "pruned.metadata.yaml").touch()

    found = _walk(root, Layout(sidecar_dir=mirror, root=root))

    assert [(one.name, one.sidecar, one.is_orphan) for one in found] == [
        ("a.ckpt", str(mirror / "run" / "a.metadata.yaml"), False),
        ("pruned", str(mirror / "run" / "pruned.metadata.yaml"), True),
    ]


def test_states_tell_files_apart(tmp_path: Path) -> None:
    """A link has the state of what it leads to, a sharded folder that of all its files."""
    (tmp_path / "a.ckpt").write_bytes(b"12345")
    (tmp_path / "last.ckpt").symlink_to("a.ckpt")
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / ".metadata").write_bytes(b"123")
    (tmp_path / "shards" / "__0_0.distcp").write_bytes(b"1234567")

    states = {one.name: one.state for one in _walk(tmp_path)}

    status = os.stat(tmp_path / "a.ckpt")  # noqa: PTH116 - as the walk looks
    assert states["a.ckpt"] is not None
    assert states["a.ckpt"][:2] == (5, status.st_mtime_ns)
    assert states["last.ckpt"] == states["a.ckpt"]
    assert states["shards"] is not None
    assert states["shards"].size == 10


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Nobody takes a typing error for an empty folder."""
    with pytest.raises(ReadError, match="no such file"):
        _walk(tmp_path / "nowhere")


def test_a_folder_is_entered_once(tmp_path: Path) -> None:
    """Several links to a folder show its checkpoints once, under the first name."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.ckpt").touch()
    (tmp_path / "closed").symlink_to(tmp_path / "open", target_is_directory=True)
    errors: list[ReadError] = []

    found = _found(Walk(Layout(), errors.append), tmp_path)

    assert [one.path for one in found] == [str(tmp_path / "closed" / "a.ckpt")]
    assert errors == []


def test_a_folder_that_refuses_hides_no_other(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it has the stem of a sidecar without a checkpoint."""
    folder = runs / "a" / "checkpoints"
    (folder / "epoch=0.ckpt").unlink()
    (folder / "epoch=0.pt").mkdir()
    real = os.listdir

    def refusing(path: str) -> list[str]:
        if str(path).endswith("epoch=0.pt"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "listdir", refusing)

    rows = _walk(runs)

    assert len(rows) == 6
