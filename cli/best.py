"""`ckpt-meta best`: the path of the best checkpoint, for scripts."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional, TypeAlias

import typer

from .asked import asked_query, parsed_option
from .options import (
    Config,
    Isolated,
    NoIndex,
    OutputFormat,
    Paths,
    Quiet,
    SidecarDir,
    TextFormat,
    Where,
)
from .output import Output
from .session import start

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING_FOUND = 1


class Mode(StrEnum):
    """Which end of a metric is better."""

    MIN = "min"
    MAX = "max"


Metric: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--metric",
        metavar="KEY",
        help="Metric that decides; by default the one that was monitored.",
    ),
]
Better: TypeAlias = Annotated[
    Optional[Mode],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--mode", help="Which end is better; by default what the runs recorded."),
]


def best_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    metric: Metric = None,
    mode: Better = None,
    where: Where = None,
    output_format: OutputFormat = TextFormat.TEXT,
    sidecar_dir: SidecarDir = None,
    no_index: NoIndex = False,
    quiet: Quiet = False,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Print the path of the best checkpoint.

    Exits with 1 where there is none. Links, and checkpoints that are stale or cannot be read, are
    passed by. A tie goes to the earlier step.
    """
    output = Output(quiet=quiet)
    query = asked_query(where)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    from checkpoint_meta.catalog.best import candidates, first, monitored
    from checkpoint_meta.catalog.fields import asked_field
    from checkpoint_meta.catalog.sorting import Order, SortKey

    from .list_view import as_json, print_path

    rows = candidates(session.groups(use_index=not no_index), query, time.time())
    order = {None: None, Mode.MIN: Order.ASCENDING, Mode.MAX: Order.DESCENDING}[mode]
    name = metric or _only(monitored(rows))
    field = parsed_option("--metric", lambda: asked_field(name))
    best = first(rows, SortKey(field, order), session.settings.metrics)
    if best is None:
        is_filtered = where and not rows
        output.warn("no checkpoint matches" if is_filtered else f"no checkpoint has {field.name}")
        raise typer.Exit(NOTHING_FOUND)
    if output_format is TextFormat.TEXT:
        print_path(best.path)
    else:
        output.json_line(as_json(best))


def _only(names: Sequence[str]) -> str:
    """Return the field of the metric that all runs monitored; with several, somebody must say."""
    if len(names) > 1:
        raise typer.BadParameter(f"the runs monitored {', '.join(names)}", param_hint="--metric")
    return "checkpointing.score"
