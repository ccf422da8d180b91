"""How the verdicts of `validate` are shown."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from checkpoint_meta.evidence import Severity
from checkpoint_meta.reports.json_report import JsonLinesReport, JsonReport
from checkpoint_meta.reports.text import TextReport

from .options import TextFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checkpoint_meta.reports.interface import Report
    from checkpoint_meta.validate import Verdict

    from .output import Output


@dataclass(frozen=True, slots=True)
class ValidateView:
    """Prints verdicts as they come."""

    output: Output
    format: TextFormat
    strict: bool = False

    def show(self, verdicts: Iterable[Verdict]) -> bool:
        """Print every finding and the counts; return whether the gate is shut."""
        started = time.monotonic()
        report = report_of(self.format)
        severities: Counter[Severity] = Counter()
        judged = 0
        self.output.block(report.begin())
        for verdict in verdicts:
            judged += 1
            severities.update(finding.problem.severity for finding in verdict.findings)
            self.output.block(report.add(verdict))
        self.output.block(report.end())
        self.output.say(_summary(judged, severities, time.monotonic() - started))
        return bool(severities[Severity.ERROR] or (self.strict and severities[Severity.WARNING]))


def report_of(name: TextFormat) -> Report:
    """Return an empty report in a format."""
    match name:
        case TextFormat.TEXT:
            return TextReport()
        case TextFormat.JSON:
            return JsonReport()
        case TextFormat.JSONL:
            return JsonLinesReport()
    assert_never(name)


def _summary(judged: int, severities: Counter[Severity], seconds: float) -> str:
    errors, warnings = severities[Severity.ERROR], severities[Severity.WARNING]
    found = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    return f"{found if errors or warnings else 'all well'}: {judged} judged in {seconds:.1f} s"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
