"""Findings as compilers print them: `path:line:column: CODE message`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import printable
from checkpoint_meta.evidence import Severity

if TYPE_CHECKING:
    from checkpoint_meta.rules.findings import Finding, Verdict

_BOLD: Final = "\x1b[1m"
_RED: Final = "\x1b[1;31m"
_YELLOW: Final = "\x1b[1;33m"
_PLAIN: Final = "\x1b[0m"


class TextReport:
    """One line for each finding; nothing where all is well."""

    def __init__(self, *, color: bool = False) -> None:
        self._color = color

    def begin(self) -> str:
        """Return nothing: there is no header."""
        return ""

    def add(self, verdict: Verdict) -> str:
        """Return a line for each finding."""
        lines = (line_of(finding, color=self._color) for finding in verdict.findings)
        return "".join(f"{line}\n" for line in lines)

    def end(self) -> str:
        """Return nothing: the counts are talk."""
        return ""


def line_of(finding: Finding, *, color: bool = False) -> str:
    """Return a finding on one line."""
    problem = finding.problem
    place = f":{problem.place.line}:{problem.place.column}" if problem.place else ""
    is_warning = problem.severity is Severity.WARNING
    path, code = printable(str(finding.path)), problem.code
    if color:
        path, code = f"{_BOLD}{path}{_PLAIN}", f"{_YELLOW if is_warning else _RED}{code}{_PLAIN}"
    mark = " warning:" if is_warning else ""
    return f"{path}{place}: {code}{mark} {printable(str(problem))}"
