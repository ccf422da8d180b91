"""How the verdicts of `validate` are shown, and counted."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Severity
from checkpoint_meta.reports.files import open_report
from checkpoint_meta.reports.formats import new_report
from checkpoint_meta.rules.rulebook import all_rules

from .output import Color

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import IO

    from checkpoint_meta.reports.interface import Report
    from checkpoint_meta.rules.findings import Verdict
    from checkpoint_meta.rules.sieve import Sieve

    from .output import Output
    from .validate_setup import Wanted


class Tally:
    """Counts findings as they pass, and talks about them at the end."""

    def __init__(self, output: Output, *, strict: bool) -> None:
        self._output = output
        self._strict = strict
        self._started = time.monotonic()
        self._judged = 0
        self._codes: Counter[tuple[Severity, str]] = Counter()

    def count(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """Yield the verdicts, counted."""
        for verdict in verdicts:
            self._judged += 1
            problems = [finding.problem for finding in verdict.findings]
            self._codes.update((problem.severity, problem.code) for problem in problems)
            yield verdict

    @property
    def is_shut(self) -> bool:
        """Tell whether the gate lets nothing pass."""
        warnings = self._total(Severity.WARNING) if self._strict else 0
        return self._total(Severity.ERROR) + warnings > 0

    def say(self, sieve: Sieve) -> None:
        """Say what was found, how to mend it, and what was passed over."""
        for (_, code), count in sorted(self._codes.items(), key=lambda item: item[0][1]):
            rule = all_rules()[code]
            self._output.say(f"{code} ({count}) {rule.name}: {rule.mend}")
        passed = sum(sieve.ignored.values()), len(sieve.known)
        self._output.say(self._summary(*passed))
        gone = len(sieve.gone())
        if gone:
            self._output.say(f"{gone} known findings are gone; write the baseline anew")
        for entry in sieve.unused() if self._output.verbose else ():
            self._output.say(f"the settings ignore {entry.rule} at {entry.path}, which is not met")

    def _summary(self, ignored: int, known: int) -> str:
        errors, warnings = self._total(Severity.ERROR), self._total(Severity.WARNING)
        found = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
        others = f", {ignored} ignored" if ignored else ""
        others += f", {known} known" if known else ""
        seconds = time.monotonic() - self._started
        verdict = found if errors or warnings else "all well"
        return f"{verdict}{others}: {self._judged} judged in {seconds:.1f} s"

    def _total(self, severity: Severity) -> int:
        return sum(count for (one, _), count in self._codes.items() if one is severity)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@contextmanager
def open_reports(
    wanted: Sequence[Wanted], output: Output, *, strict: bool
) -> Iterator[Callable[[Verdict], None]]:
    """Open every report; the value takes a verdict into each of them.

    The files take their places when the block ends well, and else leave no trace.

    Raises:
        WriteError: if a file cannot be written.
    """
    root = Path.cwd()
    with ExitStack() as stack:
        sinks: list[tuple[Report, IO[str]]] = []
        for one in wanted:
            colored = one.file is None and _is_colored(output)
            report = new_report(one.format, root, strict=strict, color=colored)
            stream = stack.enter_context(open_report(one.file)) if one.file else sys.stdout
            stream.write(report.begin())
            sinks.append((report, stream))

        def take(verdict: Verdict) -> None:
            for report, stream in sinks:
                # Names that are no UTF-8 are shown with escapes, whatever the terminal takes.
                stream.write(report.add(verdict).encode("utf-8", "backslashreplace").decode())

        yield take
        for report, stream in sinks:
            stream.write(report.end())


def _is_colored(output: Output) -> bool:
    if output.color is Color.AUTO:
        return output.is_terminal() and not os.environ.get("NO_COLOR")
    return output.color is Color.ALWAYS
