"""What `--fix` mends, and what it leaves to a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.rules.fixes import apply_change, plan_change
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parent / "examples"
EVERY_RULE = frozenset(all_rules())


def mend(folder: Path, *, unsafe: bool = False) -> list[str]:
    """Apply every change, and return the codes that they mended."""
    changes = [plan_change(one, EVERY_RULE, unsafe=unsafe) for one in iter_subjects(folder)]
    for change in changes:
        if change:
            apply_change(change)
    return [code for change in changes if change for code in change.codes]


def codes(folder: Path) -> list[str]:
    """Return the codes of what is found."""
    return [one.problem.code for one in validate(iter_subjects(folder), Gate())]


FIXED = [code for code, rule in all_rules().items() if rule.fix and code != "CM103"]


@pytest.mark.parametrize("code", FIXED)
def test_what_a_rule_calls_mendable_is_mended(code: str, lay_out: Callable[[Path], Path]) -> None:
    """After the fix nothing is found any more, and a second fix has nothing to do."""
    folder = lay_out(EXAMPLES / code / "bad")
    unsafe = all_rules()[code].fix == "unsafe"

    assert mend(folder, unsafe=unsafe) == [code]
    assert codes(folder) == []
    assert mend(folder, unsafe=unsafe) == []


def test_an_orphan_stays_unless_unsafe_fixes_are_wanted(lay_out: Callable[[Path], Path]) -> None:
    """Nothing is removed by the safe fixes."""
    folder = lay_out(EXAMPLES / "CM202" / "bad")

    assert mend(folder) == []
    assert (folder / "pruned.metadata.yaml").exists()


def test_a_version_without_quotes_is_quoted(lay_out: Callable[[Path], Path]) -> None:
    """`schema_version: 2.0` is a number, and becomes a text; the comment beside it stays."""
    folder = lay_out(EXAMPLES / "CM103" / "good")
    sidecar = next(folder.glob("*.metadata.yaml"))
    text = sidecar.read_text(encoding="utf-8")
    sidecar.write_text(text.replace('"2.0"', "2.0 # the version"), encoding="utf-8")

    assert mend(folder) == ["CM103"]
    assert 'schema_version: "2.0" # the version\n' in sidecar.read_text(encoding="utf-8")


def test_a_rename_keeps_every_byte(lay_out: Callable[[Path], Path]) -> None:
    """A misplaced sidecar gets its name, and nothing else changes."""
    folder = lay_out(EXAMPLES / "CM206" / "bad")
    old = next(folder.glob("*.ckpt.metadata.yaml"))
    text = "# by hand\n" + old.read_text(encoding="utf-8")
    old.write_text(text, encoding="utf-8")

    mend(folder)

    assert not old.exists()
    new = folder / "epoch=3-step=400.metadata.yaml"
    assert new.read_text(encoding="utf-8") == text


def test_of_two_sidecars_neither_is_chosen(lay_out: Callable[[Path], Path]) -> None:
    """Where the right name is taken, the misplaced sidecar stays and is still found."""
    folder = lay_out(EXAMPLES / "CM206" / "bad")
    old = next(folder.glob("*.ckpt.metadata.yaml"))
    (folder / "epoch=3-step=400.metadata.yaml").write_bytes(old.read_bytes())

    assert mend(folder) == []
    assert codes(folder) == ["CM206"]


def test_an_upgrade_loses_nothing(lay_out: Callable[[Path], Path]) -> None:
    """What 1.0 said otherwise is kept in `upgraded_from`."""
    folder = lay_out(EXAMPLES / "CM110" / "bad")
    sidecar = next(folder.glob("*.metadata.yaml"))

    mend(folder)

    text = sidecar.read_text(encoding="utf-8")
    assert 'schema_version: "2.0"\ncheckpoint_path: epoch=3-step=400.ckpt\n' in text
    assert "demo/checkpoints/epoch=3-step=400.ckpt" in text


def test_a_diff_shows_the_change_and_makes_none(lay_out: Callable[[Path], Path]) -> None:
    """The planned change knows its own diff before anything is written."""
    folder = lay_out(EXAMPLES / "CM109" / "bad")
    sidecar = next(folder.glob("*.metadata.yaml"))
    before = sidecar.read_text(encoding="utf-8")

    (subject,) = iter_subjects(folder)
    change = plan_change(subject, EVERY_RULE)

    assert change is not None
    removed = [line for line in change.diff().splitlines() if line.startswith("-")]
    assert any("not-a-real-key" in line for line in removed)
    assert sidecar.read_text(encoding="utf-8") == before
