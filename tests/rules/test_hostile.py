"""Files that mean no good: each is a finding or two of its own, and nothing stops."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.evidence import Place
from checkpoint_meta.rules.fixes import plan_change
from checkpoint_meta.rules.policy_file import read_policy
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Callable

_LETTERS: Final = "abcdefgh"

BOMB: Final = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{there}: &{there} [{', '.join([f'*{here}'] * 9)}]\n"
    for here, there in itertools.pairwise(_LETTERS)
)

HOSTILE: Final[dict[str, tuple[bytes, str]]] = {
    "deep": (b"a: " + b"[" * 50_000, "CM101"),
    "bomb": (BOMB.encode(), "CM101"),
    "large": (b"a: '" + b"x" * (1024 * 1024) + b"'", "CM101"),
    "utf-16": ("a: 1".encode("utf-16"), "CM101"),
    "nul": (b"a: 1\0", "CM101"),
    "twice": (b"a: 1\na: 2\n", "CM101"),
    "number-as-key": (b"1: 2\n", "CM101"),
    "empty": (b"", "CM102"),
    "null": (b"~", "CM102"),
    "list": (b"[1]", "CM102"),
    "no-version": (b"a: 1\n", "CM102"),
    "version-list": (b"schema_version: [2]\n", "CM10"),
    "epoch-of-digits": (
        b"schema_version: '2.0'\ntraining: {epoch: " + b"9" * 6000 + b"}\n",
        "CM301",
    ),
    "size-of-digits": (
        b"schema_version: '2.0'\ncheckpoint: {size_bytes: " + b"9" * 6000 + b"}\n",
        "CM204",
    ),
    "encoder-of-digits": (
        b"schema_version: '2.0'\nmodel: {encoder: {model_name: " + b"9" * 6000 + b"}}\n",
        "CM501",
    ),
    "percent-of-digits": (
        b"schema_version: '2.0'\nmetrics: {additional_metrics: {hmean: " + b"9" * 6000 + b"}}\n",
        "CM105",
    ),
    "digits": (b"schema_version: '2.0'\nmetrics: {precision: " + b"9" * 6000 + b"}\n", "CM10"),
    "tag": (b"!!python/object/apply:os.system ['false']\n", "CM102"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_sidecar_is_a_finding(
    name: str, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """What cannot be believed is said, and the sound checkpoint beside it is judged."""
    raw, code = HOSTILE[name]
    for stem in ("a", "z"):
        make_checkpoint(tmp_path / f"{stem}.ckpt")
    (tmp_path / "a.metadata.yaml").write_bytes(raw)

    policy = replace(read_policy("ocr-detection"), where=("val/hmean < 1 and hmean < 1",))
    findings = list(validate(iter_subjects(tmp_path), Gate(policy)))

    found = [(one.path.name, one.problem.code) for one in findings]
    assert not any("could not be judged" in one.problem.message for one in findings)

    assert any(path == "a.metadata.yaml" and one.startswith(code) for path, one in found)
    assert ("z.ckpt", "CM201") in found


def test_a_key_that_stands_twice_has_its_place(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """The finding names the line and column of the second one."""
    make_checkpoint(tmp_path / "a.ckpt")
    (tmp_path / "a.metadata.yaml").write_text("training:\n  epoch: 1\n  epoch: 2\n", "utf-8")

    (found,) = validate(iter_subjects(tmp_path))

    assert (found.problem.code, found.problem.place) == ("CM101", Place(3, 3))
    assert "epoch" in found.problem.message


WRONG_TYPES: Final = """\
schema_version: "2.0"
checkpoint_path: [1]
training: 5
metrics: [1]
checkpointing: x
pinned: 3
provenance: {a: 1}
hydra_overrides: {a: b}
checkpoint: 4
model: x
"""


def test_a_sidecar_of_wrong_types_is_told_of_in_full(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Every wrong type is a finding with its line, and no rule stumbles over another's."""
    make_checkpoint(tmp_path / "a.ckpt")
    (tmp_path / "a.metadata.yaml").write_text(WRONG_TYPES, encoding="utf-8")

    found = [one.problem for one in validate(iter_subjects(tmp_path), Gate())]

    lines = sorted(one.place.line for one in found if one.code == "CM105" and one.place)
    assert lines == list(range(2, 11))
    assert not any("could not be judged" in one.message for one in found)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_no_file_in_the_sidecars_place(
    make: Callable[[Path], None], tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """A folder or a FIFO that is called like a sidecar is told of, and nobody waits for it."""
    make_checkpoint(tmp_path / "a.ckpt")
    make(tmp_path / "a.metadata.yaml")

    (found,) = validate(iter_subjects(tmp_path))
    (subject,) = iter_subjects(tmp_path)

    assert (found.problem.code, found.path.name) == ("CM101", "a.metadata.yaml")
    assert plan_change(subject, frozenset(all_rules())) is None


def test_a_link_to_a_pruned_sidecar_is_an_orphan(tmp_path: Path) -> None:
    """A dangling link is found as what it is: unreadable, and without its checkpoint."""
    (tmp_path / "last.metadata.yaml").symlink_to("gone.metadata.yaml")

    found = {one.problem.code for one in validate(iter_subjects(tmp_path))}

    assert found == {"CM101", "CM202"}
