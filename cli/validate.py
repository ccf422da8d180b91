"""`ckpt-meta validate`: the gate."""

from __future__ import annotations

from checkpoint_meta.reports.interface import ReportFormat

from . import validate_options as only
from .options import Colored, Config, Isolated, Jobs, Paths, Quiet, SidecarDir, Verbose
from .output import Color, Output
from .session import start


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
    jobs: Jobs = None,
    sidecar_dir: SidecarDir = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Check sidecars by the rules, as a gate in CI.

    Exits with 1 if an error was found, with 2 if nothing could be judged.
    """
    from .validate_run import Run
    from .validate_setup import make_fixes, make_gate, make_sieve, parse_reports, refuse_reports

    if write_baseline:
        refuse_reports(output_file, reports)
    wanted = parse_reports(output_format, output_file, reports)
    fixes = make_fixes(wanted, fix=fix, dry_run=dry_run, unsafe=unsafe_fixes)
    output = Output(color, quiet, verbose)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    gate = make_gate(session, policy, select, ignore, require)
    sieve = make_sieve(session, None if write_baseline else baseline)
    run = Run(session, gate, sieve, jobs, strict, deep)
    subjects = run.subjects(fixes, allow_empty=allow_empty)
    run.judge(subjects, wanted, write_baseline)
