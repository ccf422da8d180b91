"""A rule: what must hold, and the check that says where it does not."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType
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


def rule(
    code: str,
    name: str,
    *,
    mend: str,
    severity: Severity = Severity.ERROR,
    fix: str = "",
) -> Callable[[Check], Rule]:
    """Make a check the rule of this code; its docstring becomes the rule's page."""

    def make(check: Check) -> Rule:
        return Rule(code, name, severity, mend, fix, inspect.getdoc(check) or "", check)

    return make


def rules_of(module: ModuleType) -> list[Rule]:
    """Return the rules that a module holds."""
    return [value for value in vars(module).values() if isinstance(value, Rule)]
