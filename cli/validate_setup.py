"""What `validate` makes of its options: the gate, the sieve, the reports, the subjects."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from checkpoint_meta.reports.interface import ReportFormat
from checkpoint_meta.rules.baseline import read_baseline
from checkpoint_meta.rules.policy_checks import check_conditions
from checkpoint_meta.rules.policy_file import DEFAULT_POLICY, read_policy
from checkpoint_meta.rules.rulebook import is_rule_prefix, select_rules
from checkpoint_meta.rules.sieve import Sieve
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.validate import Gate, judge_all
from checkpoint_meta.workers import default_jobs

from .byte_progress import byte_progress, total_bytes
from .validate_fix import Fixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoint_meta.rules.findings import Verdict
    from checkpoint_meta.rules.subjects import Subject

    from .output import Output
    from .session import Session


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report that was asked for."""

    format: ReportFormat
    file: Path | None = None
    """`None`: stdout."""


def make_gate(
    session: Session,
    policy: str | None,
    select: Sequence[str] | None,
    ignore: Sequence[str] | None,
    require: Sequence[str] | None,
) -> Gate:
    """Return what is asked of every subject.

    Raises:
        CheckpointMetaError: if the policy cannot be read, or cannot be meant.
    """
    read = read_policy(policy or session.settings.policy or DEFAULT_POLICY)
    codes = select_rules(_codes(select, "--select"), _codes(ignore, "--ignore"))
    for expression in require or ():
        for problem in check_conditions([expression]):
            raise typer.BadParameter(problem.message, param_hint="--require")
    asked = replace(read, where=(*read.where, *(require or ())))
    return Gate(asked, codes, session.settings.metrics)


def _codes(given: Sequence[str] | None, option: str) -> list[str]:
    codes = [code.strip() for text in given or () for code in text.split(",") if code.strip()]
    for code in codes:
        if not is_rule_prefix(code):
            raise typer.BadParameter(f"no rule {code!r}; see ckpt-meta rules", param_hint=option)
    return codes


def make_fixes(wanted: Sequence[Wanted], *, fix: bool, dry_run: bool, unsafe: bool) -> Fixes:
    """Return how far `--fix` may go, beside these reports."""
    if (dry_run or unsafe) and not fix:
        raise typer.BadParameter("--dry-run and --unsafe-fixes say how to --fix; give it too")
    on_stdout = [one.format for one in wanted if one.file is None]
    return Fixes(fix, dry_run, unsafe, as_talk=on_stdout not in ([], [ReportFormat.TEXT]))


def refuse_reports(file: Path | None, further: Sequence[str] | None) -> None:
    """Say that a baseline is written in place of reports, which would be missed later."""
    if file or further:
        message = "writes no report; leave out -o and --report"
        raise typer.BadParameter(message, param_hint="--write-baseline")


def make_sieve(session: Session, baseline: Path | None) -> Sieve:
    """Return what takes out the findings that the project lives with.

    Raises:
        ReadError: if the baseline cannot be read, or is of another version.
        SettingError: if the settings ignore a rule that there is not.
    """
    return Sieve(session.settings, read_baseline(baseline) if baseline else None)


def parse_reports(
    output_format: ReportFormat, file: Path | None, further: Sequence[str] | None
) -> list[Wanted]:
    """Return every report that was asked for, that of `--format` first."""
    # A dash is stdout, as with other programs.
    first = Wanted(output_format, None if file == Path("-") else file)
    wanted = [first, *(_parse_report(text) for text in further or ())]
    files = [one.file.absolute() for one in wanted if one.file]
    if len(set(files)) < len(files):
        raise typer.BadParameter("two reports cannot go to one file", param_hint="--report")
    return wanted


def _parse_report(text: str) -> Wanted:
    name, equals, file = text.partition("=")
    names = [one.value for one in ReportFormat]
    if file == "-":
        message = f"{text!r}: expected a file; --format says what goes to stdout"
        raise typer.BadParameter(message, param_hint="--report")
    if not equals or not file or name not in names:
        message = f"{text!r}: expected FORMAT=FILE with one of {', '.join(names)}"
        raise typer.BadParameter(message, param_hint="--report")
    return Wanted(ReportFormat(name), Path(file))


def find_subjects(session: Session) -> Iterator[Subject]:
    """Yield what there is to judge below the PATHs, each once, however it is spelled."""
    real = cache(os.path.realpath)
    seen: set[str] = set()
    for root in session.roots:
        for subject in iter_subjects(root, session.layout(root), session.note):
            # A link is not what it points to: it may have a sidecar of its own.
            key = os.path.join(real(subject.path.parent), subject.path.name)  # noqa: PTH118
            if key not in seen:
                seen.add(key)
                yield subject


def judged(
    output: Output, subjects: list[Subject], gate: Gate, jobs: int | None, *, deep: bool
) -> Iterator[Verdict]:
    """Yield the verdicts with progress on stderr: checkpoints, or bytes where every one is read."""
    if not deep:
        verdicts = judge_all(subjects, gate, jobs=jobs or default_jobs())
        yield from output.progress(verdicts, len(subjects), "validating")
        return
    # One process: what counts the bytes cannot be in several, and the disk is what is waited for.
    with byte_progress(output, total_bytes(subjects)) as count:
        yield from judge_all(subjects, replace(gate, count=count), jobs=1)
