"""What there is to judge: each checkpoint once, and each sidecar without one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import Layout, iter_checkpoints
from checkpoint_meta.rules.subjects import iter_subjects, owners_of
from checkpoint_meta.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def names(root: Path, layout: Layout | None = None) -> list[str]:
    """Return what is judged below `root`, by name."""
    return [one.path.name for one in iter_subjects(root, layout or Layout(root=root))]


def test_a_link_is_judged_through_its_target(tmp_path: Path) -> None:
    """`last.ckpt` and the file that it points to are one subject."""
    (tmp_path / "best.ckpt").touch()
    (tmp_path / "last.ckpt").symlink_to("best.ckpt")

    assert names(tmp_path) == ["best.ckpt"]


def test_the_target_of_a_link_from_elsewhere_is_judged(tmp_path: Path) -> None:
    """A link alone leads to what it points to."""
    (tmp_path / "best.ckpt").touch()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "last.ckpt").symlink_to("../best.ckpt")

    assert names(tmp_path / "links") == ["best.ckpt"]


def test_a_sidecar_may_be_given_itself(tmp_path: Path) -> None:
    """A hook that hands over changed files hands over sidecars: they lead to their checkpoint."""
    (tmp_path / "best.ckpt").touch()
    for name in ("best.metadata.yaml", "gone.metadata.yaml"):
        (tmp_path / name).touch()

    assert names(tmp_path / "best.metadata.yaml") == ["best.ckpt"]
    assert names(tmp_path / "gone.metadata.yaml") == ["gone.metadata.yaml"]


def test_tuners_files_are_passed_over(tmp_path: Path) -> None:
    """What Lightning's learning rate finder left is nobody's checkpoint."""
    (tmp_path / ".lr_find_1.ckpt").touch()

    assert names(tmp_path) == []


def test_orphans_in_a_mirror_folder(tmp_path: Path) -> None:
    """With a mirror folder, orphans are looked for there."""
    outputs, mirror = tmp_path / "outputs", tmp_path / "mirror"
    for folder in (outputs / "a", mirror / "a"):
        folder.mkdir(parents=True)
    (outputs / "a" / "best.ckpt").touch()
    (mirror / "a" / "best.metadata.yaml").touch()
    (mirror / "a" / "gone.metadata.yaml").touch()

    assert names(outputs, Layout((), mirror, outputs)) == ["best.ckpt", "gone.metadata.yaml"]


@pytest.mark.parametrize(
    ("checkpoint", "sidecar"),
    [
        ("x.ckpt", "x.metadata.yaml"),
        ("x.ckpt", "x.ckpt.metadata.yaml"),
        ("x.safetensors", "x.metadata.json"),
        ("epoch=3-val=0.89.ckpt", "epoch=3-val=0.89.metadata.yaml"),
    ],
)
def test_who_a_sidecar_belongs_to(checkpoint: str, sidecar: str, tmp_path: Path) -> None:
    """Names of every age lead to the checkpoint."""
    (tmp_path / checkpoint).touch()

    assert [one.path.name for one in owners_of(tmp_path / sidecar)] == [checkpoint]


def test_a_folder_of_the_same_name_is_no_checkpoint(tmp_path: Path) -> None:
    """A plain folder beside a sidecar owns nothing; one with shards does."""
    plain, sharded = tmp_path / "plain", tmp_path / "sharded"
    plain.mkdir()
    sharded.mkdir()
    (sharded / ".metadata").touch()

    assert owners_of(tmp_path / "plain.metadata.yaml") == []
    assert [one.path for one in owners_of(tmp_path / "sharded.metadata.yaml")] == [sharded]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A PATH with a typing error never counts as empty."""
    with pytest.raises(ReadError, match="no such file or folder"):
        names(tmp_path / "nope")


@pytest.fixture
def linked(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a folder of one checkpoint with its sidecar, and a link `last.ckpt` to it."""
    make_checkpoint(tmp_path / "best.ckpt")
    list(convert(iter_checkpoints(tmp_path)))
    (tmp_path / "last.ckpt").symlink_to("best.ckpt")
    return tmp_path


def broken(root: Path) -> list[str]:
    """Return which rules are broken below `root`."""
    return [one.problem.code for one in validate(iter_subjects(root, Layout(root=root)))]


@pytest.mark.parametrize("is_copy", [False, True], ids=["link", "copy"])
def test_a_links_sidecar_is_that_of_its_target(linked: Path, *, is_copy: bool) -> None:
    """Linked or copied, it is right wherever its target's is: asked by folder, link or itself."""
    sidecar = linked / "last.metadata.yaml"
    if is_copy:
        shutil.copy(linked / "best.metadata.yaml", sidecar)
    else:
        sidecar.symlink_to("best.metadata.yaml")

    assert names(linked) == names(linked / "last.ckpt") == names(sidecar) == ["best.ckpt"]
    assert broken(linked) == broken(linked / "last.ckpt") == broken(sidecar) == []


def test_a_sidecar_of_a_links_own_is_judged_too(linked: Path) -> None:
    """What stands beside `last.ckpt` and is not its target's says what its readers believe."""
    text = (linked / "best.metadata.yaml").read_text(encoding="utf-8")
    sidecar = linked / "last.metadata.yaml"
    sidecar.write_text(text.replace("best.ckpt", "last.ckpt"), encoding="utf-8")
    assert broken(linked) == broken(sidecar) == []

    sidecar.write_text(text.replace("epoch: 3\n", "epoch: 9\n"), encoding="utf-8")

    assert names(linked) == ["best.ckpt", "last.ckpt"]
    assert broken(linked) == broken(linked / "last.ckpt") == broken(sidecar) == ["CM301"]


def test_a_links_sidecar_that_leads_to_another_checkpoint(
    linked: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """A link that was pointed anew, while its sidecar's link stayed, is found."""
    make_checkpoint(linked / "old.ckpt", epoch=2, global_step=300)
    list(convert(iter_checkpoints(linked / "old.ckpt")))
    (linked / "last.metadata.yaml").unlink(missing_ok=True)
    (linked / "last.metadata.yaml").symlink_to("old.metadata.yaml")

    assert {"CM203", "CM301"} <= set(broken(linked))


def test_a_links_sidecar_may_be_that_of_a_checkpoint_of_its_name(
    linked: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Beside `last.pt` it is that one's, and says nothing of the link `last.ckpt`."""
    make_checkpoint(linked / "last.pt", epoch=5, global_step=600)
    list(convert(iter_checkpoints(linked / "last.pt")))

    assert names(linked) == ["best.ckpt", "last.pt"]
    assert broken(linked) == []
