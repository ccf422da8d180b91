"""Findings as annotations of GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.errors import printable
from checkpoint_meta.reports.names import relative_name, sentence_of
from checkpoint_meta.rules.rulebook import all_rules

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.rules.findings import Finding, Verdict


class GithubReport:
    """A workflow command on a line for each finding."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self) -> str:
        """Return nothing: each line stands alone."""
        return ""

    def add(self, verdict: Verdict) -> str:
        """Return a line for each finding."""
        return "".join(f"{self._line(finding)}\n" for finding in verdict.findings)

    def end(self) -> str:
        """Return nothing."""
        return ""

    def _line(self, finding: Finding) -> str:
        problem = finding.problem
        properties = {"file": relative_name(finding.path, self._root)}
        if problem.place:
            properties |= {"line": str(problem.place.line), "col": str(problem.place.column)}
        properties["title"] = f"{problem.code} {all_rules()[problem.code].name}"
        listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        return f"::{problem.severity} {listed}::{_data(sentence_of(finding))}"


def _data(text: str) -> str:
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
