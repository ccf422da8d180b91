"""Every rule by its pair of examples: what it lets pass, and what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.rules.policy_file import read_policy
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.rules.findings import Finding

EXAMPLES = Path(__file__).parent / "examples"

CODES = sorted(all_rules())


def findings(folder: Path) -> list[Finding]:
    """Return every finding about an example, bytes and all, by its own policy if it has one."""
    own = folder / "policy.yaml"
    policy = read_policy(str(own)) if own.exists() else read_policy()
    gate = Gate(policy, count=lambda _: None)
    return list(validate(iter_subjects(folder), gate))


@pytest.mark.parametrize("code", CODES)
def test_the_good_example_passes(code: str, lay_out: Callable[[Path], Path]) -> None:
    """No rule at all finds anything in the good example."""
    folder = lay_out(EXAMPLES / code / "good")

    assert [str(one.problem) for one in findings(folder)] == []


@pytest.mark.parametrize("code", CODES)
def test_the_bad_example_is_found(code: str, lay_out: Callable[[Path], Path]) -> None:
    """The rule finds something in the bad example, and no other rule does."""
    folder = lay_out(EXAMPLES / code / "bad")

    found = findings(folder)

    assert {one.problem.code for one in found} == {code}
    assert {one.problem.severity for one in found} == {all_rules()[code].severity}


def test_every_example_is_of_a_rule() -> None:
    """No example is left of a rule that there is no longer."""
    assert sorted(folder.name for folder in EXAMPLES.iterdir()) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_rule_says_what_must_hold(code: str) -> None:
    """A rule's docstring begins with one sentence that ends on its first line."""
    rule = all_rules()[code]

    assert rule.sentence.endswith(".")
    assert rule.mend
    assert not rule.mend.endswith(".")
