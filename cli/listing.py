"""`ckpt-meta list`: which checkpoints there are, and how good they are."""

from __future__ import annotations

import gc
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional, TypeVar

import typer

from checkpoint_meta.catalog.row import Status, is_light
from checkpoint_meta.errors import QueryError

from .options import (
    Colored,
    Config,
    Isolated,
    NoIndex,
    Paths,
    Quiet,
    SidecarDir,
    Verbose,
    Where,
)
from .output import Color, Output
from .session import start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoint_meta.catalog.query import Query

Parsed = TypeVar("Parsed")


class ListFormat(StrEnum):
    """A table for people, the others for programs."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    MARKDOWN = "markdown"
    PATH = "path"


def list_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    where: Where = None,
    sort: Annotated[
        Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--sort",
            metavar="KEY[:asc|:desc]",
            help="Sort by this field, the better end first or as said, missing values last; "
            "by default by path; repeatable.",
        ),
    ] = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--limit", metavar="N", min=0, help="Only the first N rows; by default all."),
    ] = None,
    per: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--per",
            metavar="run|KEY",
            help="Only the best of each run, or of each KEY; by default all.",
        ),
    ] = None,
    top: Annotated[
        Optional[int],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--top", metavar="K", min=1, help="With --per: the K best of each; by default 1."
        ),
    ] = None,
    columns: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--columns",
            metavar="A,B,+C,-D",
            help="Only these columns, or + one and - one of the default: run, checkpoint, epoch, "
            "step, the metrics that differ, age, size, status.",
        ),
    ] = None,
    all_columns: Annotated[
        bool, typer.Option("--all-columns", help="A column for every field that any of them has.")
    ] = False,
    status: Annotated[
        Optional[list[Status]],  # noqa: UP045 - Typer reads it at run time
        typer.Option("--status", help="Only those of this status; by default of any; repeatable."),
    ] = None,
    list_format: Annotated[
        ListFormat,
        typer.Option(
            "--format", help="table for people, path for one path a line, others for programs."
        ),
    ] = ListFormat.TABLE,
    print0: Annotated[
        bool, typer.Option("--print0", help="Print paths alone, each ended by a NUL, for xargs -0.")
    ] = False,
    no_index: NoIndex = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh", help="Read everything anew into the index; by default what changed."
        ),
    ] = False,
    sidecar_dir: SidecarDir = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """List checkpoints with their metrics; what has no sidecar tells what it knows itself."""
    output = Output(color, quiet, verbose)
    if top is not None and per is None:
        raise typer.BadParameter("it needs --per", param_hint="--top")
    query = parsed_option("--where", lambda: parse_where(where or ()))
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    from checkpoint_meta.catalog.best import BestOfRuns
    from checkpoint_meta.catalog.columns import column_names
    from checkpoint_meta.catalog.fields import asked_field
    from checkpoint_meta.catalog.selection import Selection
    from checkpoint_meta.catalog.sorting import parse_sort_key

    from .list_view import ListView
    from .tally import Tally

    selection = Selection(
        where=query,
        statuses=frozenset(status or ()),
        sort=parsed_option("--sort", lambda: tuple(parse_sort_key(key) for key in sort or ())),
        per=parsed_option("--per", lambda: asked_field(per)) if per else None,
        top=top or 1,
        limit=limit,
        aliases=session.settings.metrics,
    )
    best, tally = BestOfRuns(), Tally(selection.fields())
    view = ListView(
        output,
        ListFormat.PATH if print0 else list_format,
        now=time.time(),
        wanted=parsed_option("--columns", lambda: column_names(columns or "")),
        all_columns=all_columns,
        print0=print0,
        root=str(session.roots[0]) if len(session.roots) == 1 else ".",
        best=best.paths,
    )
    # Rows hold no cycles, and looking for some among 100,000 takes a quarter of the time.
    gc.disable()
    whole = view.is_whole or any(not is_light(path) for path in selection.paths())
    found = session.groups(use_index=not no_index, refresh=refresh, whole=whole)
    rows = tally.counted(best.watch(found), view.now)
    view.show(tally.shown(selection.selected(rows, view.now)))
    if tally.total:
        output.say(tally.summary())
    else:
        session.say_empty()
    if session.unreadable:
        raise typer.Exit(1)


def parsed_option(name: str, parse: Callable[[], Parsed]) -> Parsed:
    """Return what `parse` makes of an option's value.

    Raises:
        typer.BadParameter: with the place, if it does not parse.
    """
    try:
        return parse()
    except QueryError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


def parse_where(expressions: Sequence[str]) -> Query | None:
    """Return the query that all of them make together.

    Raises:
        QueryError: if one does not parse.
    """
    if not expressions:
        return None
    from checkpoint_meta.catalog.query import join_queries, parse_query

    return join_queries(parse_query(expression) for expression in expressions)
