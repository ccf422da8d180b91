"""Write docs/reference/rules.md from the rules' own docstrings: scripts/rules_table.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.rules.rulebook import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.rules.rule import Rule

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "rules.md"

GROUPS: Final = {
    "CM1": "The document",
    "CM2": "The files around it",
    "CM3": "The truth",
    "CM4": "Safety",
    "CM5": "What the policy asks",
}

_FIXES: Final = {"": "no", "safe": "`--fix`", "unsafe": "`--fix --unsafe-fixes`"}

HEAD: Final = """\
# Rules

What `ckpt-meta validate` asks. `ckpt-meta rules CODE` prints the same page on a terminal. A policy
can change each severity; `--select` and `--ignore` take codes and their beginnings.

<!-- Written by scripts/rules_table.py from the rules' docstrings; a test holds it current. -->

"""


def render() -> str:
    """Return the whole page."""
    pages = (line for rule in all_rules().values() for line in _page(rule))
    return HEAD + "\n".join([*_table(), *pages]) + "\n"


def _table() -> Iterator[str]:
    yield "| code | name | severity | what must hold | mended by |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in all_rules().values():
        cells = (f"[{rule.code}](#{rule.code.lower()}-{rule.name})", rule.name, rule.severity.value)
        yield f"| {' | '.join(cells)} | {rule.sentence} | {_FIXES[rule.fix]} |"


def _page(rule: Rule) -> Iterator[str]:
    first = next(code for code in all_rules() if code[:3] == rule.code[:3])
    if rule.code == first:
        yield f"\n## {rule.code[:3]}xx: {GROUPS[rule.code[:3]]}"
    yield f"\n### {rule.code} {rule.name}\n"
    yield f"{rule.page}\n"
    yield f"Severity: {rule.severity}. To mend: {rule.mend}. Mended by: {_FIXES[rule.fix]}."


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
