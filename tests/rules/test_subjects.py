"""What there is to judge: each checkpoint once, and each sidecar without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import Layout
from checkpoint_meta.rules.subjects import iter_subjects, owners_of

if TYPE_CHECKING:
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
