"""Findings as GitLab's code quality report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity
from checkpoint_meta.reports.names import Fingerprints, relative_name, sentence_of

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.findings import Finding, Verdict

_SEVERITIES: Final = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.OFF: "info"}


class GitlabReport:
    """One JSON list of issues, written as it grows."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fingerprints = Fingerprints(root)
        self._separator = "\n"

    def begin(self) -> str:
        """Return the opening bracket."""
        return "["

    def add(self, verdict: Verdict) -> str:
        """Return each finding as an issue."""
        return "".join(self._item(finding) for finding in verdict.findings)

    def end(self) -> str:
        """Return the closing bracket."""
        return "\n]\n"

    def _item(self, finding: Finding) -> str:
        before, self._separator = self._separator, ",\n"
        return f"{before}  {json.dumps(self._issue(finding))}"

    def _issue(self, finding: Finding) -> dict[str, JSONValue]:
        problem = finding.problem
        return {
            "description": f"{problem.code} {sentence_of(finding)}",
            "check_name": problem.code,
            "fingerprint": self._fingerprints.of(finding),
            "severity": _SEVERITIES[problem.severity],
            "location": {
                "path": relative_name(finding.path, self._root),
                # GitLab wants a line where there is none, too.
                "lines": {"begin": problem.place.line if problem.place else 1},
            },
        }
