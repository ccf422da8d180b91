"""`ckpt-meta list`: which checkpoints there are, and how good they are."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from checkpoint_meta.catalog.row import is_light

from .asked import asked_query, parsed_option
from .list_options import (
    AllColumns,
    Columns,
    Format,
    Limit,
    ListFormat,
    Per,
    Print0,
    Refresh,
    Sort,
    Statuses,
    Top,
)
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
from .session import Session, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from checkpoint_meta.catalog.group import Group
    from checkpoint_meta.catalog.selection import Selection

    from .list_view import ListView


def list_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    paths: Paths = None,
    *,
    where: Where = None,
    sort: Sort = None,
    limit: Limit = None,
    per: Per = None,
    top: Top = None,
    columns: Columns = None,
    all_columns: AllColumns = False,
    status: Statuses = None,
    list_format: Format = ListFormat.TABLE,
    print0: Print0 = False,
    no_index: NoIndex = False,
    refresh: Refresh = False,
    sidecar_dir: SidecarDir = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """List checkpoints with their metrics, filtered and sorted.

    A checkpoint without a sidecar tells what it knows itself.
    """
    output = Output(color, quiet, verbose)
    selection = replace(
        _ordered(sort, per, top), where=asked_query(where), statuses=frozenset(status or ())
    )
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    selection = replace(selection, limit=limit, aliases=session.settings.metrics)
    view = _view(session, columns, ListFormat.PATH if print0 else list_format)
    view = replace(view, all_columns=all_columns, print0=print0)
    whole = view.is_whole or any(not is_light(path) for path in selection.paths())
    # Rows hold no cycles, and looking for some among 100,000 takes a quarter of the time.
    gc.set_threshold(100_000, 1000, 1000)
    groups = session.groups(use_index=not no_index, refresh=refresh, whole=whole)
    _show(session, groups, selection, view)
    if session.unreadable:
        raise typer.Exit(1)


def _ordered(sort: Sequence[str] | None, per: str | None, top: int | None) -> Selection:
    """Return the selection that these three options ask for."""
    from checkpoint_meta.catalog.fields import asked_field
    from checkpoint_meta.catalog.selection import Selection
    from checkpoint_meta.catalog.sorting import parse_sort_key

    if top is not None and per is None:
        raise typer.BadParameter("it needs --per", param_hint="--top")
    return Selection(
        sort=parsed_option("--sort", lambda: tuple(parse_sort_key(key) for key in sort or ())),
        per=None if per is None else parsed_option("--per", lambda: asked_field(per)),
        top=top or 1,
    )


def _view(session: Session, columns: str | None, list_format: ListFormat) -> ListView:
    from checkpoint_meta.catalog.columns import column_names

    from .list_view import ListView

    return ListView(
        session.output,
        list_format,
        now=time.time(),
        wanted=parsed_option("--columns", lambda: column_names(columns or "")),
        root=str(session.roots[0]) if len(session.roots) == 1 else ".",
    )


def _show(session: Session, groups: Iterator[Group], selection: Selection, view: ListView) -> None:
    """Print what is selected, and say how much there was."""
    from checkpoint_meta.catalog.best import BestOfRuns

    from .tally import Tally

    tally = Tally([*selection.fields(), *view.fields()])
    best = BestOfRuns()
    watch: Callable[[Iterator[Group]], Iterator[Group]] = best.watch if view.marks_best else iter
    counted = tally.counted(watch(groups), view.now)
    shown = tally.shown(selection.selected(counted, view.now))
    replace(view, best=best.paths).show(shown)
    if tally.total:
        session.output.say(tally.summary())
    else:
        session.say_empty()
