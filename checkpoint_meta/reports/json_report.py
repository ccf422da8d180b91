"""Findings as JSON: one list, or a line each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import show_field

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.findings import Finding, Verdict


class JsonLinesReport:
    """One JSON object on a line for each finding."""

    def begin(self) -> str:
        """Return nothing: each line stands alone."""
        return ""

    def add(self, verdict: Verdict) -> str:
        """Return a line for each finding."""
        return "".join(f"{json.dumps(as_json(finding))}\n" for finding in verdict.findings)

    def end(self) -> str:
        """Return nothing."""
        return ""


class JsonReport:
    """One JSON list, written as it grows."""

    def __init__(self) -> None:
        self._separator = "\n"

    def begin(self) -> str:
        """Return the opening bracket."""
        return "["

    def add(self, verdict: Verdict) -> str:
        """Return each finding as an item of the list."""
        return "".join(self._item(finding) for finding in verdict.findings)

    def _item(self, finding: Finding) -> str:
        lines = json.dumps(as_json(finding), indent=2).splitlines()
        before, self._separator = self._separator, ",\n"
        return before + "\n".join(f"  {line}" for line in lines)

    def end(self) -> str:
        """Return the closing bracket."""
        return "]\n" if self._separator == "\n" else "\n]\n"


def as_json(finding: Finding) -> dict[str, JSONValue]:
    """Return a finding in the documented, stable shape."""
    problem, place = finding.problem, finding.problem.place
    return {
        "path": str(finding.path),
        "line": place.line if place else None,
        "column": place.column if place else None,
        "code": problem.code,
        "severity": problem.severity.value,
        "field": show_field(problem.field) or None,
        "message": problem.message,
    }
