"""Which rules are asked."""

from __future__ import annotations

import pytest

from checkpoint_meta.rules.rule import rules_of
from checkpoint_meta.rules.rulebook import MODULES, all_rules, is_rule_prefix, select_rules

CODES = frozenset(all_rules())


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), CODES),
        (("CM4",), (), {code for code in CODES if code.startswith("CM4")}),
        ((), ("CM",), set()),
        (("CM402",), ("CM4",), {"CM402"}),
        (("CM4",), ("CM402",), {code for code in CODES if code.startswith("CM4")} - {"CM402"}),
    ],
    ids=["all", "prefix", "none", "longer-select", "longer-ignore"],
)
def test_the_longer_prefix_wins(
    select: tuple[str, ...], ignore: tuple[str, ...], expected: set[str]
) -> None:
    """Select and ignore are compared by how precisely they name a rule."""
    assert select_rules(select, ignore) == expected


def test_no_two_rules_have_one_code() -> None:
    """Each rule of each module has a code of its own, under the group of its kind."""
    rules = [one for module in MODULES for one in rules_of(module)]

    assert len({one.code for one in rules}) == len(rules) == len(all_rules())
    assert len({one.name for one in rules}) == len(rules)


def test_a_prefix_names_a_rule() -> None:
    """`CM3` and `CM303` do; `CM`'s misspellings do not."""
    assert is_rule_prefix("CM3")
    assert is_rule_prefix("CM303")
    assert not any(map(is_rule_prefix, ("CM9", "C", "", "cm303", "CM3033")))
