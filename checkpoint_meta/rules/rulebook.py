"""Every rule there is, by its code, and which of them are asked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.rules import (
    compatibility,
    document,
    files,
    metrics,
    security,
    summaries,
    truth,
)
from checkpoint_meta.rules.rule import rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.rules.rule import Rule


MODULES: Final = (compatibility, document, files, metrics, security, summaries, truth)


@cache
def all_rules() -> Mapping[str, Rule]:
    """Return every rule by its code, in order."""
    rules = (rule for module in MODULES for rule in rules_of(module))
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}


def is_rule_prefix(text: str) -> bool:
    """Tell whether `text` is a code, or the beginning of one: `CM4`, `CM402`."""
    return text.startswith("CM") and any(code.startswith(text) for code in all_rules())


def select_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str]:
    """Return the codes that are selected and not ignored; none selected selects all.

    Where both name a rule, the longer prefix wins: `--select CM402 --ignore CM4` keeps CM402.
    """
    wanted, unwanted = tuple(select) or ("CM",), tuple(ignore)
    return frozenset(
        code for code in all_rules() if _longest(code, wanted) > _longest(code, unwanted)
    )


def _longest(code: str, prefixes: Iterable[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=0)
