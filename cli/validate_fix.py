"""`validate --fix`: changes planned, shown or made, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Severity
from checkpoint_meta.faults import guarded
from checkpoint_meta.rules.fixes import apply_change, plan_change
from checkpoint_meta.rules.rulebook import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checkpoint_meta.rules.fixes import Change
    from checkpoint_meta.rules.sieve import Sieve
    from checkpoint_meta.rules.subjects import Subject
    from checkpoint_meta.validate import Gate

    from .output import Output


@dataclass(frozen=True, slots=True)
class Fixes:
    """How far `--fix` may go."""

    wanted: bool
    dry_run: bool
    """Changes are printed as diffs, and not made."""

    unsafe: bool
    """Orphans may be removed."""

    as_talk: bool
    """Diffs go to stderr, since a program reads stdout."""

    @property
    def are_made(self) -> bool:
        """Tell whether files may be others afterwards."""
        return self.wanted and not self.dry_run


def mend(
    output: Output, subjects: Iterable[Subject], gate: Gate, sieve: Sieve, fixes: Fixes
) -> None:
    """Make every change that needs no guess, or show it; what the settings ignore stays.

    One that cannot be made is said, and the others go on; what it would have mended is still
    found afterwards.
    """
    codes = frozenset(code for code in all_rules() if gate.severity(code) is not Severity.OFF)
    count = 0
    for subject in subjects:
        path = subject.readable or subject.path
        asked = frozenset(code for code in codes if not sieve.ignores(code, path))
        plan = partial(plan_change, subject, asked, unsafe=fixes.unsafe)
        # A sidecar that cannot be read is a finding, and said as such.
        change, _ = guarded(plan)
        if change is not None:
            count += _make(output, change, fixes)
    verb = "would be mended" if fixes.dry_run else "mended"
    output.say(f"{count} sidecar{'' if count == 1 else 's'} {verb}")


def _make(output: Output, change: Change, fixes: Fixes) -> bool:
    if fixes.dry_run:
        output.say(f"would {change}" if change.target is None else str(change))
        show = output.say if fixes.as_talk else output.block
        show(change.diff())
        return True
    _, fault = guarded(partial(apply_change, change))
    if fault:
        output.warn(fault)
        return False
    output.say(str(change))
    return True
