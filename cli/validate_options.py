"""The options that only `validate` has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional, TypeAlias

import typer

from checkpoint_meta.reports.interface import ReportFormat

Policy: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        help="What this project requires: lightning (the default), ocr-detection, or a YAML file.",
    ),
]
Select: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--select",
        metavar="CODES",
        help="Ask these rules only: codes or prefixes such as CM3, with commas; by default all; "
        "repeatable.",
    ),
]
Ignore: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--ignore",
        metavar="CODES",
        help="Do not ask these rules, as --select names them; by default none; repeatable. The "
        "settings file ignores with a reason, and for a path.",
    ),
]
Require: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--require",
        metavar="EXPR",
        help="One more condition, such as 'metrics.hmean >= 0.8'; a missing value or NaN does not "
        "pass. Repeatable.",
    ),
]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")]
Deep: TypeAlias = Annotated[
    bool,
    typer.Option("--deep", help="Read every byte of the checkpoints: CRCs and recorded hashes."),
]
BaselineFile: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Let the findings in FILE pass, fail on new ones; by default none passes.",
    ),
]
WriteBaseline: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--write-baseline",
        metavar="FILE",
        help="Write what is found to FILE in place of reports, say what came and went, and pass; "
        "by default none.",
    ),
]
Fix: TypeAlias = Annotated[
    bool,
    typer.Option("--fix", help="Mend what can be mended without guessing, then check again."),
]
DryRun: TypeAlias = Annotated[
    bool,
    typer.Option("--dry-run", "-n", help="With --fix: print the changes and write nothing."),
]
UnsafeFixes: TypeAlias = Annotated[
    bool, typer.Option("--unsafe-fixes", help="With --fix: remove orphan sidecars, too.")
]
Format: TypeAlias = Annotated[
    ReportFormat,
    typer.Option("--format", help="Format of what goes to stdout, or to the file of -o."),
]
OutputFile: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE; by default to stdout."),
]
Reports: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--report",
        metavar="FORMAT=FILE",
        help="One more report in the same run, such as sarif=report.sarif; repeatable.",
    ),
]
AllowEmpty: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-empty", help="Pass where no checkpoint is found; else that is exit 2."),
]
