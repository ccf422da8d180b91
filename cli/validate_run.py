"""One run of `validate`: what is found, mended, judged, and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from checkpoint_meta.errors import printable
from checkpoint_meta.rules.baseline import (
    BaselineVersionError,
    compare,
    new_baseline,
    read_baseline,
    write_baseline,
)

from .validate_fix import mend
from .validate_setup import find_subjects, judged
from .validate_view import Tally, open_reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from checkpoint_meta.rules.baseline import Baseline
    from checkpoint_meta.rules.findings import Verdict
    from checkpoint_meta.rules.sieve import Sieve
    from checkpoint_meta.rules.subjects import Subject
    from checkpoint_meta.validate import Gate

    from .output import Output
    from .session import Session
    from .validate_fix import Fixes
    from .validate_setup import Wanted

NOTHING_THERE = 2


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked, and how."""

    session: Session
    gate: Gate
    sieve: Sieve
    jobs: int | None
    strict: bool
    deep: bool

    @property
    def output(self) -> Output:
        """Return where the run talks to."""
        return self.session.output

    def subjects(self, fixes: Fixes, *, allow_empty: bool) -> list[Subject]:
        """Return what there is to judge, once what can be mended is.

        Raises:
            Exit: if there is nothing, and that may not be.
        """
        found = list(find_subjects(self.session))
        if not found:
            self.session.say_empty(is_fault=not allow_empty)
            if not allow_empty:
                raise typer.Exit(NOTHING_THERE)
        if fixes.wanted:
            mend(self.output, found, self.gate, self.sieve, fixes)
        return list(find_subjects(self.session)) if fixes.are_made else found

    def judge(
        self, subjects: list[Subject], wanted: Sequence[Wanted], baseline: Path | None
    ) -> None:
        """Write what is found to every report, or to a new baseline.

        Raises:
            Exit: if the gate lets it not pass.
        """
        if baseline:
            self._write_baseline(subjects, baseline)
        else:
            self._report(subjects, wanted)

    def _report(self, subjects: list[Subject], wanted: Sequence[Wanted]) -> None:
        tally = Tally(self.output, strict=self.strict)
        with open_reports(wanted, self.output, strict=self.strict) as report:
            for verdict in tally.count(self._verdicts(subjects)):
                report(verdict)
        tally.say(self.sieve)
        if tally.is_shut or self.session.unreadable:
            raise typer.Exit(1)

    def _write_baseline(self, subjects: list[Subject], file: Path) -> None:
        """Write what is found, and say what came and went."""
        old = self._baseline(file) if file.exists() else None
        verdicts = self._verdicts(subjects)
        new = new_baseline(file, (found for verdict in verdicts for found in verdict.findings))
        write_baseline(new)
        change = compare(old, new)
        for sign, known in (("+", change.came), ("-", change.went)):
            for one in known:
                self.output.say(printable(f"{sign} {one.path}: {one.rule} {one.message}"))
        counts = f"{len(change.came)} came, {len(change.went)} went"
        self.output.say(f"{printable(str(file))}: {len(new.known)} known findings ({counts})")

    def _verdicts(self, subjects: list[Subject]) -> Iterator[Verdict]:
        found: Iterable[Verdict] = judged(
            self.output, subjects, self.gate, self.jobs, deep=self.deep
        )
        return self.sieve.sift(found)

    def _baseline(self, file: Path) -> Baseline | None:
        """Return what stands in the file, `None` if another version wrote it."""
        try:
            return read_baseline(file)
        except BaselineVersionError as error:
            reason = error.reason.partition(",")[0]
            self.output.say(f"{printable(str(error.path))}: {reason}; written anew")
            return None
