"""`ckpt-meta validate`: the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from checkpoint_meta.errors import printable
from checkpoint_meta.reports.interface import ReportFormat

from . import validate_options as only
from .options import Colored, Config, Isolated, Paths, Quiet, SidecarDir, Verbose
from .output import Color, Output
from .session import start

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checkpoint_meta.rules.findings import Verdict
    from checkpoint_meta.rules.subjects import Subject
    from checkpoint_meta.validate import Gate

    from .session import Session

NOTHING_THERE = 2


def validate_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    policy: only.Policy = None,
    select: only.Select = None,
    ignore: only.Ignore = None,
    require: only.Require = None,
    strict: only.Strict = False,
    deep: only.Deep = False,
    baseline: only.BaselineFile = None,
    write_baseline: only.WriteBaseline = None,
    fix: only.Fix = False,
    dry_run: only.DryRun = False,
    unsafe_fixes: only.UnsafeFixes = False,
    output_format: only.Format = ReportFormat.TEXT,
    output_file: only.OutputFile = None,
    reports: only.Reports = None,
    allow_empty: only.AllowEmpty = False,
    jobs: only.Jobs = None,
    sidecar_dir: SidecarDir = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Check sidecars and checkpoints by the rules; fail where one is broken.

    Exit code 1 says that a rule of severity error was broken, 2 that nothing could be judged.
    """
    if (dry_run or unsafe_fixes) and not fix:
        raise typer.BadParameter("--dry-run and --unsafe-fixes say how to --fix; give it too")
    from .validate_setup import find_subjects, judged, make_gate, make_sieve, parse_reports
    from .validate_view import Tally, open_reports

    output = Output(color, quiet, verbose)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    gate = make_gate(session, policy, select, ignore, require)
    sieve = make_sieve(session, None if write_baseline else baseline)
    wanted = parse_reports(output_format, output_file, reports)
    subjects = list(find_subjects(session))
    if not subjects:
        session.say_empty(is_fault=not allow_empty)
        raise typer.Exit(0 if allow_empty else NOTHING_THERE)
    if fix:
        subjects = _fixed(session, subjects, gate, dry_run=dry_run, unsafe=unsafe_fixes)
    tally = Tally(output, strict=strict)
    verdicts = tally.count(sieve.sift(judged(output, subjects, gate, jobs, deep=deep)))
    if write_baseline:
        _write_baseline(output, write_baseline, verdicts)
        return
    with open_reports(wanted, output, strict=strict) as report:
        for verdict in verdicts:
            report(verdict)
    tally.say(sieve)
    if tally.is_shut or session.unreadable:
        raise typer.Exit(1)


def _fixed(
    session: Session, subjects: list[Subject], gate: Gate, *, dry_run: bool, unsafe: bool
) -> list[Subject]:
    """Mend what can be mended, and return what there is to judge then."""
    from .validate_fix import mend
    from .validate_setup import find_subjects

    mend(session.output, subjects, gate, dry_run=dry_run, unsafe=unsafe)
    return subjects if dry_run else list(find_subjects(session))


def _write_baseline(output: Output, file: Path, verdicts: Iterable[Verdict]) -> None:
    """Write what is found to the baseline, and say what came and went."""
    from checkpoint_meta.rules.baseline import (
        BaselineVersionError,
        compare,
        new_baseline,
        read_baseline,
        write_baseline,
    )

    old = None
    if file.exists():
        try:
            old = read_baseline(file)
        except BaselineVersionError as error:
            output.say(f"{error.path}: {error.reason.partition(',')[0]}; written anew")
    new = new_baseline(file, (finding for verdict in verdicts for finding in verdict.findings))
    write_baseline(new)
    change = compare(old, new)
    for sign, known in (("+", change.came), ("-", change.went)):
        for one in known:
            output.say(printable(f"{sign} {one.path}: {one.rule} {one.message}"))
    counts = f"{len(change.came)} came, {len(change.went)} went"
    output.say(f"{printable(str(file))}: {len(new.known)} known findings ({counts})")
