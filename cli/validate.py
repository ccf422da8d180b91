"""`ckpt-meta validate`: the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .options import (
    Colored,
    Config,
    Isolated,
    OutputFormat,
    Paths,
    Quiet,
    SidecarDir,
    TextFormat,
    Verbose,
)
from .output import Color, Output
from .session import Session, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checkpoint_meta.rules.subjects import Subject
    from checkpoint_meta.validate import Gate

NOTHING_THERE = 2


def validate_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    policy: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--policy",
            metavar="NAME|FILE",
            help="What this project requires: lightning (the default), ocr-detection, or a file.",
        ),
    ] = None,
    select: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--select", metavar="CODES", help="Ask these rules only: codes or prefixes, comma."
        ),
    ] = None,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--ignore", metavar="CODES", help="Do not ask these rules."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    allow_empty: Annotated[
        bool,
        typer.Option("--allow-empty", help="Pass where no checkpoint is found; else that is 2."),
    ] = False,
    jobs: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--jobs", "-j", min=1, help="Processes; by default the number of processors."),
    ] = None,
    sidecar_dir: SidecarDir = None,
    output_format: OutputFormat = TextFormat.TEXT,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Check sidecars and checkpoints by the rules; fail where one is broken.

    Exit code 1 says that a rule of severity error was broken, 2 that nothing could be judged.
    """
    output = Output(color, quiet, verbose)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    gate = _gate(session, policy, _codes(select, "--select"), _codes(ignore, "--ignore"))
    subjects = list(_subjects(session))
    if not subjects:
        session.say_empty()
        raise typer.Exit(0 if allow_empty else NOTHING_THERE)
    from checkpoint_meta.validate import judge_all
    from checkpoint_meta.workers import default_jobs

    from .validate_view import ValidateView

    view = ValidateView(output, output_format, strict=strict)
    verdicts = judge_all(subjects, gate, jobs=jobs or default_jobs())
    failed = view.show(output.progress(verdicts, len(subjects), "validating"))
    if failed or session.unreadable:
        raise typer.Exit(1)


def _gate(session: Session, policy: str | None, select: list[str], ignore: list[str]) -> Gate:
    from checkpoint_meta.rules.policy_file import DEFAULT_POLICY, read_policy
    from checkpoint_meta.rules.registry import select_rules
    from checkpoint_meta.validate import Gate

    named = policy or session.settings.policy or DEFAULT_POLICY
    return Gate(read_policy(named), select_rules(select, ignore), session.settings.metrics)


def _codes(given: Sequence[str] | None, option: str) -> list[str]:
    from checkpoint_meta.rules.registry import is_rule_prefix

    codes = [code.strip() for text in given or () for code in text.split(",") if code.strip()]
    for code in codes:
        if not is_rule_prefix(code):
            raise typer.BadParameter(f"no rule {code!r}; see ckpt-meta rules", param_hint=option)
    return codes


def _subjects(session: Session) -> Iterator[Subject]:
    """Yield what there is to judge below the PATHs, each once."""
    from checkpoint_meta.rules.subjects import iter_subjects

    seen = set()
    for root in session.roots:
        for subject in iter_subjects(root, session.layout(root), session.note):
            key = subject.path.absolute()
            if key not in seen:
                seen.add(key)
                yield subject
