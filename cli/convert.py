"""`ckpt-meta convert`: back-fill the sidecars of checkpoints that have none."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .options import (
    Colored,
    Config,
    Isolated,
    OutputFormat,
    Paths,
    Quiet,
    SchemaVersion,
    SidecarDir,
    TextFormat,
    Verbose,
)
from .output import Color, Output
from .session import start
from .wandb_options import (
    WandbMap,
    WandbProject,
    WandbRun,
    said_once,
    wandb_choice,
    wandb_source,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.convert import Outcome
    from checkpoint_meta.paths import CheckpointFile

    from .session import Session


_ALWAYS = ("pinned", "training")
"""What a person pinned and what the callback saw: no file that one could ask or not."""


def convert_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Write nothing; say what would be done.")
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="Print the unified diff of each sidecar, which is written too unless -n is given.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Resolve every value anew; by default a 2.0 sidecar is completed, and what it "
            "says stays. Comments, unknown keys and pinned fields stay either way.",
        ),
    ] = False,
    schema: Annotated[
        SchemaVersion, typer.Option("--schema", help="Schema version to write.")
    ] = SchemaVersion.V2,
    outputs_dir: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--outputs-dir",
            metavar="DIR",
            help="What checkpoint_path is relative to in a 1.0 sidecar; by default the PATH.",
        ),
    ] = None,
    source: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--source", metavar="NAME", help="Ask this source only; repeatable."),
    ] = None,
    no_source: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--no-source", metavar="NAME", help="Do not ask this source; repeatable."),
    ] = None,
    list_sources: Annotated[
        bool, typer.Option("--list-sources", help="Print the sources in order of precedence.")
    ] = False,
    wandb: Annotated[
        bool,
        typer.Option("--wandb/--offline", help="Ask the W&B API too; by default nobody is asked."),
    ] = False,
    wandb_project: WandbProject = None,
    wandb_run: WandbRun = None,
    wandb_map: WandbMap = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Pass by what is kept of the W&B API's answers.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Print each value, where it came from, and what else was claimed; a checkpoint "
            "that is up to date is opened for it too.",
        ),
    ] = False,
    sha256: Annotated[
        bool, typer.Option("--hash", help="Add a SHA-256 of the whole checkpoint.")
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
    """Write a sidecar for each checkpoint from everything that can be known about it.

    Run again, it changes nothing; a run that was stopped is finished by running it again.
    """
    output = Output(color, quiet, verbose)
    if list_sources:
        _print_sources(output)
        return
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    from checkpoint_meta.convert import ConvertOptions, convert_one
    from checkpoint_meta.sources.default import default_sources
    from checkpoint_meta.workers import default_jobs, map_in_processes

    from .convert_view import ConvertView

    names = _chosen(source, no_source)
    choice = wandb_choice(wandb_project, wandb_run, wandb_map)
    everything = default_sources(session.settings.metrics, choice)
    if wandb:
        everything.append(wandb_source(session.settings.metrics, choice, refresh=refresh))
    sources = [one for one in everything if one.name in names]
    options = ConvertOptions(
        dry_run=dry_run,
        overwrite=overwrite,
        ask_again=explain or wandb or bool(wandb_run or wandb_map),
        schema_version=schema.value,
        outputs_dir=outputs_dir,
        sha256=sha256,
    )
    view = ConvertView(output, output_format, dry_run=dry_run, diff=diff, explain=explain)
    checkpoints = list(session.checkpoints())
    passed = _passed(session)
    if not checkpoints and not passed:
        session.say_empty()
    work = partial(convert_one, sources=sources, options=options)
    outcomes = map_in_processes(work, checkpoints, jobs or default_jobs(), _lost)
    shown = chain(passed, said_once(outcomes, output) if wandb else outcomes)
    failed = view.show(output.progress(shown, len(checkpoints), "converting"))
    if failed or session.unreadable:
        raise typer.Exit(1)


def _passed(session: Session) -> list[Outcome]:
    """Return the outcomes of the PATHs that are no checkpoints."""
    from checkpoint_meta.convert import Outcome, Status
    from checkpoint_meta.paths import CheckpointFile, is_sidecar_name

    return [
        Outcome(CheckpointFile(root), Status.SKIPPED, "a sidecar, not a checkpoint")
        for root in session.roots
        if is_sidecar_name(root.name) and not root.is_dir()
    ]


def _lost(checkpoint: CheckpointFile) -> Outcome:
    from checkpoint_meta.convert import Outcome, Status
    from checkpoint_meta.workers import DIED

    return Outcome(checkpoint, Status.FAILED, DIED)


def _print_sources(output: Output) -> None:
    from checkpoint_meta.resolve import PRECEDENCE

    for name in PRECEDENCE:
        note = " (always asked, not selectable)" if name in _ALWAYS else ""
        output.line(f"{name}{note}")


def _chosen(wanted: Sequence[str] | None, unwanted: Sequence[str] | None) -> frozenset[str]:
    from checkpoint_meta.sources.default import default_sources

    known = {source.name for source in default_sources()} | {"wandb"}
    for name in (*(wanted or ()), *(unwanted or ())):
        if name not in known:
            there = ", ".join(sorted(known))
            raise typer.BadParameter(f"no source {name!r}; there are {there}")
    return frozenset(wanted or known) - frozenset(unwanted or ())
