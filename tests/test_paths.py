from __future__ import annotations

from pathlib import Path

import pytest

from checkpoint_meta.catalog.scan import scan
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import CheckpointFile, Layout, iter_checkpoints
from checkpoint_meta.rules.subjects import iter_subjects


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def _names(root: Path, layout: Layout | None = None) -> list[str]:
    found = iter_checkpoints(root, layout or Layout())
    return [one.path.relative_to(root).as_posix() for one in found]


@pytest.mark.parametrize(
    ("name", "sidecar"),
    [
        ("epoch=3-step=400.ckpt", "epoch=3-step=400.metadata.yaml"),
        ("epoch=3-val=0.89.ckpt", "epoch=3-val=0.89.metadata.yaml"),
        ("model.safetensors", "model.metadata.yaml"),
        ("epoch=3-val=0.89", "epoch=3-val=0.89.metadata.yaml"),
        ("a.ckpt.pt", "a.ckpt.metadata.yaml"),
        (".ckpt", ".ckpt.metadata.yaml"),
        ("näme [1]\n.ckpt", "näme [1]\n.metadata.yaml"),
    ],
)
def test_a_sidecar_is_named_after_its_checkpoint(name: str, sidecar: str) -> None:
    """A known ending is taken off, and nothing else: `0.89` is no ending."""
    assert CheckpointFile(Path("a") / name).sidecar == Path("a") / sidecar


def test_a_pattern_of_the_user_makes_a_checkpoint(tmp_path: Path) -> None:
    """`*.weights` is found, and its sidecar leaves the ending out."""
    _touch(tmp_path / "x.weights")
    layout = Layout(patterns=("*.weights",))

    (found,) = iter_checkpoints(tmp_path, layout)

    assert found.sidecar.name == "x.metadata.yaml"


def test_checkpoints_are_found_below_every_visible_folder(tmp_path: Path) -> None:
    """Hidden folders are passed over, other files too; the order is that of the paths."""
    for name in ("b/x.ckpt", "a/y.pt", "z.pth", ".git/no.ckpt", "a/readme.md", "a/x.safetensors"):
        _touch(tmp_path / name)

    assert _names(tmp_path) == ["a/x.safetensors", "a/y.pt", "b/x.ckpt", "z.pth"]


def test_a_sharded_checkpoint_is_one_checkpoint(tmp_path: Path) -> None:
    """The shards of a folder are not checkpoints of their own."""
    fsdp = ("a.ckpt/meta.pt", "a.ckpt/.metadata", "a.ckpt/__0_0.distcp")
    deepspeed = ("ds/latest", "ds/checkpoint/mp_rank_00_model_states.pt")
    for name in (*fsdp, *deepspeed, "dcp/.metadata", "plain/meta.pt"):
        _touch(tmp_path / name)

    assert _names(tmp_path) == ["a.ckpt", "dcp", "ds", "plain/meta.pt"]


def test_a_link_is_an_entry_of_its_own(tmp_path: Path) -> None:
    """`last.ckpt` may be a link; a folder that two links lead to is entered once."""
    _touch(tmp_path / "run" / "x.ckpt")
    (tmp_path / "run" / "last.ckpt").symlink_to("x.ckpt")
    (tmp_path / "again").symlink_to("run")
    (tmp_path / "run" / "loop").symlink_to(tmp_path)

    found = list(iter_checkpoints(tmp_path))

    assert sorted(one.path.name for one in found) == ["last.ckpt", "x.ckpt"]
    assert [one.path.name for one in found if one.is_link] == ["last.ckpt"]


def test_a_link_to_a_sharded_checkpoint_is_an_entry_of_its_own(tmp_path: Path) -> None:
    """`best.ckpt` comes first in the order, and its target is found all the same."""
    _touch(tmp_path / "epoch=1.ckpt" / ".metadata")
    (tmp_path / "best.ckpt").symlink_to("epoch=1.ckpt")
    (tmp_path / "last.ckpt").symlink_to("epoch=1.ckpt")

    found = list(iter_checkpoints(tmp_path))

    assert [(one.path.name, one.is_link) for one in found] == [
        ("best.ckpt", True),
        ("epoch=1.ckpt", False),
        ("last.ckpt", True),
    ]


def test_a_folder_of_runs_is_no_sharded_checkpoint(tmp_path: Path) -> None:
    """Neither a folder `.metadata` nor a link `latest` beside `checkpoint/` makes it one."""
    _touch(tmp_path / "a" / ".metadata" / "notes")
    _touch(tmp_path / "a" / "x.ckpt")
    _touch(tmp_path / "b" / "checkpoint" / "y.ckpt")
    (tmp_path / "b" / "latest").symlink_to("checkpoint/y.ckpt")
    _touch(tmp_path / "tensorflow" / "checkpoint")
    _touch(tmp_path / "tensorflow" / "latest")
    _touch(tmp_path / "ds" / "checkpoint" / "zero_pp_rank_0_mp_rank_00_optim_states.pt")

    assert _names(tmp_path) == ["a/x.ckpt", "b/checkpoint/y.ckpt", "ds"]


def test_a_sidecar_is_never_a_checkpoint(tmp_path: Path) -> None:
    """Not by the widest of patterns, and not as the PATH itself."""
    for name in ("x.ckpt", "x.metadata.yaml", "x.metadata.json", "y.weights"):
        _touch(tmp_path / name)

    assert _names(tmp_path, Layout(patterns=("*",))) == ["x.ckpt", "y.weights"]
    assert list(iter_checkpoints(tmp_path / "x.metadata.yaml")) == []


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """Nothing is found there, and that is said."""
    with pytest.raises(ReadError, match="no such file or folder"):
        list(iter_checkpoints(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("folders", "checkpoint", "run"),
    [
        (["r/.hydra"], "r/checkpoints/x.ckpt", "r"),
        (["r/.hydra"], "r/lightning_logs/version_3/checkpoints/x.ckpt", "r"),
        ([], "logs/version_3/checkpoints/x.ckpt", "logs/version_3"),
        ([], "r/checkpoints/x.ckpt", "r"),
        ([], "r/checkpoints/val/x.ckpt", "r"),
        ([], "plain/x.ckpt", "plain"),
        (["o/.hydra", "o/checkpoints/i/.hydra"], "o/checkpoints/i/checkpoints/x.ckpt",
         "o/checkpoints/i"),
    ],
)  # fmt: skip
def test_the_run_of_a_checkpoint(
    tmp_path: Path, folders: list[str], checkpoint: str, run: str
) -> None:
    """Hydra's folder, else `version_N`, else the parent of `checkpoints/`, else its own."""
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    path = _touch(tmp_path / checkpoint)

    assert CheckpointFile(path).run_dir == tmp_path / run


def test_a_mirror_folder_repeats_the_tree(tmp_path: Path) -> None:
    """With `sidecar_dir`, the sidecar stands at the same place of another tree."""
    layout = Layout(sidecar_dir=tmp_path / "mirror", root=tmp_path / "outputs")
    inside = CheckpointFile(tmp_path / "outputs" / "a" / "x.ckpt", layout)

    assert inside.sidecar == tmp_path / "mirror" / "a" / "x.metadata.yaml"


def test_a_link_into_a_locked_folder_is_an_entry(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nobody may look where it leads; what lies beside it is found all the same."""
    _touch(tmp_path / "tree" / "x.ckpt")
    _touch(tmp_path / "locked" / "y.ckpt")
    (tmp_path / "tree" / "far.ckpt").symlink_to(tmp_path / "locked" / "y.ckpt")
    (tmp_path / "locked").chmod(0)
    request.getfixturevalue("unprivileged")

    assert _names(tmp_path / "tree") == ["far.ckpt", "x.ckpt"]


@pytest.mark.parametrize("folder", [".git", "venv/lib/python3.11/site-packages", "node_modules/a"])
def test_what_is_installed_or_hidden_is_not_searched(tmp_path: Path, folder: str) -> None:
    """Path files of Python end in `.pth` as checkpoints may, and belong to no run."""
    _touch(tmp_path / folder / "distutils-precedence.pth")
    _touch(tmp_path / "venv" / "mine.pth")

    listed = [row.path for row in scan(tmp_path, Layout())]
    judged = [str(subject.path) for subject in iter_subjects(tmp_path)]

    assert _names(tmp_path) == ["venv/mine.pth"]
    assert listed == judged == [str(tmp_path / "venv" / "mine.pth")]


def test_no_sidecar_is_older_than_itself() -> None:
    """A file that is called `.ckpt` has no stem to tell the two names apart."""
    nameless, plain = CheckpointFile(Path("run/.ckpt")), CheckpointFile(Path("run/a.ckpt"))

    assert nameless.sidecar not in nameless.older_sidecars
    assert [one.name for one in plain.older_sidecars] == ["a.ckpt.metadata.yaml", "a.metadata.json"]
