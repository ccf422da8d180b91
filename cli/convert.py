"""`ckpt-meta convert`: back-fill the sidecars of checkpoints that have none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import typer

from .convert_options import (
    Diff,
    DryRun,
    Explain,
    Hash,
    ListSources,
    NoSource,
    OutputsDir,
    Overwrite,
    Schema,
    Source,
)
from .options import (
    Colored,
    Config,
    Isolated,
    Jobs,
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
    Refresh,
    Wandb,
    WandbMap,
    WandbProject,
    WandbRun,
    wandb_choice,
    wandb_source,
)

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.convert import ConvertOptions, Outcome
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.settings import Settings
    from checkpoint_meta.sources import interface
    from checkpoint_meta.sources.wandb_choice import WandbChoice

    from .convert_view import ConvertView
    from .session import Session


_ALWAYS = ("pinned", "training")
"""What a person pinned and what the callback saw: no file that one could ask or not."""


def convert_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    dry_run: DryRun = False,
    diff: Diff = False,
    overwrite: Overwrite = False,
    schema: Schema = SchemaVersion.V2,
    outputs_dir: OutputsDir = None,
    source: Source = None,
    no_source: NoSource = None,
    list_sources: ListSources = False,
    wandb: Wandb = False,
    wandb_project: WandbProject = None,
    wandb_run: WandbRun = None,
    wandb_map: WandbMap = None,
    refresh: Refresh = False,
    explain: Explain = False,
    sha256: Hash = False,
    jobs: Jobs = None,
    sidecar_dir: SidecarDir = None,
    output_format: OutputFormat = TextFormat.TEXT,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Write the sidecars of checkpoints from all that can be known.

    Run again, it changes nothing; a run that was stopped is finished by running it again.
    """
    output = Output(color, quiet, verbose)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    whom = _Whom(source, no_source, wandb_project, wandb_run, wandb_map, wandb, refresh)
    shown = _Shown(output_format, dry_run=dry_run, diff=diff, explain=explain)
    written = _Written(schema, outputs_dir, overwrite=overwrite, sha256=sha256)
    if list_sources:
        _print_sources(session)
    else:
        _convert(session, whom, shown, written, jobs)


@dataclass(frozen=True, slots=True)
class _Whom:
    """Which sources the user wants to be asked."""

    wanted: list[str] | None
    unwanted: list[str] | None
    project: str | None
    run: str | None
    mapping: Path | None
    server: bool
    refresh: bool

    @property
    def says_more(self) -> bool:
        """Tell whether a sidecar that is up to date may be completed by what the user says."""
        return self.server or self.run is not None or self.mapping is not None

    def sources(self, settings: Settings) -> list[interface.Source]:
        """Return the sources."""
        from checkpoint_meta.sources.default import default_sources
        from checkpoint_meta.sources.signatures import load_signatures

        if settings.signatures:
            load_signatures(settings.signatures)
        names = self._names()
        choice = self.choice()
        found = default_sources(settings.metrics, choice, signatures=settings.signatures)
        if self.server:
            found.append(wandb_source(settings.metrics, choice, refresh=self.refresh))
        return [one for one in found if one.name in names]

    def choice(self) -> WandbChoice:
        """Return what the user says of W&B's runs."""
        return wandb_choice(self.project, self.run, self.mapping)

    def _names(self) -> frozenset[str]:
        from checkpoint_meta.resolve import PRECEDENCE

        known = set(PRECEDENCE) - set(_ALWAYS)
        for option, names in (("--source", self.wanted), ("--no-source", self.unwanted)):
            for name in sorted(set(names or ()) - known):
                there = ", ".join(sorted(known))
                raise typer.BadParameter(
                    f"no source {name!r}; there are {there}", param_hint=option
                )
        return frozenset(self.wanted or known) - frozenset(self.unwanted or ())


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the user wants to see."""

    format: TextFormat
    dry_run: bool
    diff: bool
    explain: bool

    def view(self, output: Output) -> ConvertView:
        """Return the view."""
        from .convert_view import ConvertView

        return ConvertView(
            output, self.format, dry_run=self.dry_run, diff=self.diff, explain=self.explain
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """What the user wants a sidecar to be."""

    schema: SchemaVersion
    outputs_dir: Path | None
    overwrite: bool
    sha256: bool

    def options(self, precedence: tuple[str, ...], *, dry: bool, again: bool) -> ConvertOptions:
        """Return how to convert."""
        from checkpoint_meta.convert import ConvertOptions

        return ConvertOptions(
            dry_run=dry,
            overwrite=self.overwrite,
            ask_again=again,
            schema_version=self.schema.value,
            outputs_dir=self.outputs_dir,
            precedence=precedence,
            sha256=self.sha256,
        )


def _convert(
    session: Session, whom: _Whom, shown: _Shown, written: _Written, jobs: int | None
) -> None:
    from checkpoint_meta.convert import convert_one
    from checkpoint_meta.workers import default_jobs, map_in_processes

    output = session.output
    sources = whom.sources(session.settings)
    again = shown.explain or whom.says_more
    options = written.options(session.settings.precedence, dry=shown.dry_run, again=again)
    checkpoints = list(session.checkpoints())
    passed = _passed(session)
    if not checkpoints and not passed:
        session.say_empty()
    for pattern in whom.choice().unused(checkpoints):
        output.say(f"{whom.mapping}: no checkpoint here fits {pattern!r}")
    work = partial(convert_one, sources=sources, options=options)
    outcomes = map_in_processes(work, checkpoints, jobs or default_jobs(), _lost)
    every = output.progress(chain(passed, outcomes), len(checkpoints), "converting")
    failed = shown.view(output).show(every)
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


def _print_sources(session: Session) -> None:
    for name in session.settings.precedence:
        note = " (always asked, not selectable)" if name in _ALWAYS else ""
        session.output.line(f"{name}{note}")
