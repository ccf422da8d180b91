"""Findings as compilers print them: `path:line:column: CODE message`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.errors import printable
from checkpoint_meta.evidence import Severity

if TYPE_CHECKING:
    from checkpoint_meta.validate import Finding, Verdict


class TextReport:
    """One line for each finding; nothing where all is well."""

    def begin(self) -> str:
        """Return nothing: there is no header."""
        return ""

    def add(self, verdict: Verdict) -> str:
        """Return a line for each finding."""
        return "".join(f"{line_of(finding)}\n" for finding in verdict.findings)

    def end(self) -> str:
        """Return nothing: the counts are talk."""
        return ""


def line_of(finding: Finding) -> str:
    """Return a finding on one line."""
    problem = finding.problem
    place = f":{problem.place.line}:{problem.place.column}" if problem.place else ""
    mark = " warning:" if problem.severity is Severity.WARNING else ""
    return f"{printable(str(finding.path))}{place}: {problem.code}{mark} {printable(str(problem))}"
