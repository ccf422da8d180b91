"""Rules by their codes: what must hold, and the check that says where it does not."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    from checkpoint_meta.evidence import FieldPath, Place
    from checkpoint_meta.rules.case import Case

    Check: TypeAlias = Callable[["Case"], Iterator["Flaw"]]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that a rule found; the rule's code and severity are added by the caller."""

    field: FieldPath
    """The field that is concerned; empty for the whole file."""

    message: str
    path: Path | None = None
    """The file that is concerned; `None` for the sidecar."""

    place: Place | None = None
    """Where in the file, if the rule knows it; else it is looked up by the field."""

    value: str | None = None
    """What tells this flaw from others of the field; `None` for the field's value."""

    only_one: tuple[str, ...] = ()
    """If given: a flaw only where an earlier subject said the same here."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold."""

    code: str
    name: str
    """Readable name, such as `missing-sidecar`."""

    severity: Severity
    """Unless a policy says otherwise."""

    mend: str
    """What to do about it, as an imperative sentence."""

    fix: str
    """`safe` or `unsafe` where `--fix` can mend it, else empty."""

    page: str
    """Its documentation; the first line says what must hold."""

    check: Check

    @property
    def sentence(self) -> str:
        """Return what must hold."""
        return self.page.split("\n", 1)[0]


_RULES: Final[dict[str, Rule]] = {}


def rule(
    code: str,
    name: str,
    *,
    mend: str,
    severity: Severity = Severity.ERROR,
    fix: str = "",
) -> Callable[[Check], Check]:
    """Register a check under its code; its docstring becomes the rule's page."""

    def register(check: Check) -> Check:
        _RULES[code] = Rule(code, name, severity, mend, fix, inspect.getdoc(check) or "", check)
        return check

    return register


@cache
def all_rules() -> Mapping[str, Rule]:
    """Return every rule by its code, in order."""
    # Imported here: these modules register their rules with this one.
    from checkpoint_meta.rules import (  # noqa: F401 - imported for what they register
        compatibility,
        document,
        files,
        metrics,
        security,
        summaries,
        truth,
    )

    return dict(sorted(_RULES.items()))


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
