"""The reports, by the names of their formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from checkpoint_meta.reports.github import GithubReport
from checkpoint_meta.reports.gitlab import GitlabReport
from checkpoint_meta.reports.interface import ReportFormat
from checkpoint_meta.reports.json_report import JsonLinesReport, JsonReport
from checkpoint_meta.reports.junit import JunitReport
from checkpoint_meta.reports.sarif import SarifReport
from checkpoint_meta.reports.text import TextReport

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.reports.interface import Report


def new_report(  # noqa: PLR0911 - one for each format
    name: ReportFormat, root: Path, *, strict: bool = False, color: bool = False
) -> Report:
    """Return an empty report; `root` is what CI systems take paths relative to."""
    match name:
        case ReportFormat.TEXT:
            return TextReport(color=color)
        case ReportFormat.JSON:
            return JsonReport()
        case ReportFormat.JSONL:
            return JsonLinesReport()
        case ReportFormat.JUNIT:
            return JunitReport(root, strict=strict)
        case ReportFormat.GITHUB:
            return GithubReport(root)
        case ReportFormat.GITLAB:
            return GitlabReport(root)
        case ReportFormat.SARIF:
            return SarifReport(root)
    assert_never(name)
