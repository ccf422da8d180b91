"""What a project's settings change in what `convert` and `list` find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.resolve import PRECEDENCE
from tests.commands import ckpt_meta

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDER = [name for name in PRECEDENCE if name != "pinned"]


def _set(folder: Path, text: str) -> None:
    (folder / "checkpoint-meta.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def renamed(outputs: Path) -> Path:
    """Return the outputs with one checkpoint whose name says another epoch than it does."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    checkpoint.rename(checkpoint.with_name("epoch=9-step=200.ckpt"))
    return outputs.parent


def test_precedence_is_a_setting(renamed: Path) -> None:
    """With the file's name first its epoch wins, and the checkpoint's is the conflict."""
    order = ["filename", *(name for name in ORDER if name != "filename")]
    _set(renamed, f"precedence = {order}\n")

    result = ckpt_meta(renamed, "convert", "outputs", "--explain")

    (line,) = (line for line in result.stdout.splitlines() if "2 (checkpoint: epoch=9" in line)
    assert line.split()[:3] == ["training.epoch", "9", "filename:"]


def test_lists_resolve_by_the_same_order(renamed: Path) -> None:
    """A checkpoint without a sidecar is listed as it would be converted, index or not."""
    before = ckpt_meta(renamed, "list", "outputs", "--format", "csv", "--columns", "epoch").stdout
    order = ["filename", *(name for name in ORDER if name != "filename")]
    _set(renamed, f"precedence = {order}\n")

    after = ckpt_meta(renamed, "list", "outputs", "--format", "csv", "--columns", "epoch").stdout

    assert sorted(before.split()[1:]) == ["1", "2", "3"]
    assert sorted(after.split()[1:]) == ["1", "3", "9"]


def test_sources_are_listed_in_the_order_that_is_set(tmp_path: Path) -> None:
    """`--list-sources` prints what will be used, pins first in any case."""
    _set(tmp_path, f"precedence = {ORDER[::-1]}\n")

    lines = ckpt_meta(tmp_path, "convert", "--list-sources").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["pinned", *ORDER[::-1]]


@pytest.mark.parametrize("order", [["hydra", "checkpoint"], [*ORDER, "hydra"], ["pinned", *ORDER]])
def test_an_order_that_leaves_a_source_out_is_refused(outputs: Path, order: list[str]) -> None:
    """Where a source would stand is never guessed."""
    _set(outputs.parent, f"precedence = {order}\n")

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert result.returncode == 2
    assert "checkpoint-meta.toml: precedence: expected each of training, " in result.stderr


RULES = """\
aliases: {line: line_decoder}
decoders:
- name: line_decoder
  has: [layer.*]
  channels: {output_channels: "layer.weight[0]"}
"""


def test_signatures_are_a_setting(outputs: Path) -> None:
    """Rules of a user's own tell the parts of models that we do not know."""
    (outputs.parent / "ours.yaml").write_text(RULES, encoding="utf-8")
    assert "updated" not in ckpt_meta(outputs.parent, "convert", "outputs").stdout
    _set(outputs.parent, 'signatures = "ours.yaml"\n')

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    text = next(outputs.rglob("epoch=2-*.metadata.yaml")).read_text(encoding="utf-8")
    assert result.stdout.count("updated") == 3
    assert "name: line_decoder" in text
    assert "output_channels: 2" in text
    assert ckpt_meta(outputs.parent, "convert", "outputs").stdout.count("unchanged") == 3


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ("decoders: [{has: [x]}]\n", "decoders.0.name: missing"),
        ("decoder: []\n", "decoder: no such key"),
        ("decoders: [{name: a, has: [x], had: 1}]\n", "decoders.0.had: no such key"),
        ("encoders: {a: 3}\n", "encoders.a: expected a mapping"),
        ("encoders: [a]\n", "encoders: expected a mapping"),
        ("encoders: {a: {tensors: x, params: 1}}\n", "encoders.a.tensors: expected a whole number"),
        ("decoders:\n", "decoders: expected a list"),
        ("- x\n", "file: expected a mapping"),
        ("{", "ours.yaml"),
        (None, "ours.yaml"),
    ],
)
def test_rules_that_are_none_are_exit_2(outputs: Path, rules: str | None, reason: str) -> None:
    """One line that names the file and the place."""
    if rules is not None:
        (outputs.parent / "ours.yaml").write_text(rules, encoding="utf-8")
    _set(outputs.parent, 'signatures = "ours.yaml"\n')

    result = ckpt_meta(outputs.parent, "convert", "outputs")

    assert result.returncode == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_told_without_settings_stays(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`--isolated` reads neither order nor rules."""
    make_checkpoint(tmp_path / "a.ckpt")
    _set(tmp_path, "precedence = []\n")

    assert ckpt_meta(tmp_path, "convert", "--isolated").returncode == 0
