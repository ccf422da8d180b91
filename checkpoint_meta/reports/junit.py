"""Findings as JUnit's XML: a test case for each checkpoint, failed where a rule was broken."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from checkpoint_meta.errors import printable
from checkpoint_meta.evidence import Severity
from checkpoint_meta.reports.names import relative_name, sentence_of
from checkpoint_meta.reports.text import line_of

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.rules.findings import Finding, Verdict

_SUITE = "ckpt-meta validate"


class JunitReport:
    """One test suite. Its head counts its cases, so nothing is written before the end."""

    def __init__(self, root: Path, *, strict: bool = False) -> None:
        self._root = root
        self._strict = strict
        self._cases: list[str] = []
        self._failures = 0

    def begin(self) -> str:
        """Return nothing yet."""
        return ""

    def add(self, verdict: Verdict) -> str:
        """Keep the case, and return nothing yet."""
        self._cases.append(self._case(verdict))
        return ""

    def end(self) -> str:
        """Return the whole document."""
        counts = f'tests="{len(self._cases)}" failures="{self._failures}" errors="0"'
        head = f'<testsuites {counts}>\n<testsuite name="{_SUITE}" {counts} skipped="0">\n'
        body = "".join(self._cases)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{body}</testsuite>\n</testsuites>\n'

    def _case(self, verdict: Verdict) -> str:
        folder, _, name = relative_name(verdict.path, self._root).rpartition("/")
        failed = [one for one in verdict.findings if self._fails(one.problem.severity)]
        others = [one for one in verdict.findings if not self._fails(one.problem.severity)]
        inner = self._failure(failed) if failed else ""
        if others:
            inner += f"<system-out>{escape(_lines(others))}</system-out>"
        return f"<testcase classname={_quoted(folder)} name={_quoted(name)}>{inner}</testcase>\n"

    def _failure(self, findings: list[Finding]) -> str:
        self._failures += 1
        first, more = findings[0], len(findings) - 1
        message = sentence_of(first) + (f" and {more} more" if more else "")
        attributes = f"type={_quoted(first.problem.code)} message={_quoted(message)}"
        return f"<failure {attributes}>{escape(_lines(findings))}</failure>"

    def _fails(self, severity: Severity) -> bool:
        return self._strict or severity is Severity.ERROR


def _lines(findings: list[Finding]) -> str:
    return "\n".join(line_of(finding) for finding in findings)


def _quoted(text: str) -> str:
    return quoteattr(printable(text))
