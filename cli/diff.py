"""`ckpt-meta diff`: what differs between checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from checkpoint_meta.errors import printable

from .options import (
    Colored,
    Config,
    Isolated,
    NoIndex,
    OutputFormat,
    Quiet,
    SidecarDir,
    TextFormat,
)
from .output import Color, Output
from .session import start
from .table import Cell, Head, Lines, Table, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.catalog.compare import Difference
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import JSONValue

FAILED = 1


def diff_command(  # noqa: PLR0913 - each option is a parameter, as Typer reads them
    checkpoints: Annotated[
        list[Path],
        typer.Argument(metavar="CHECKPOINT", help="Two or more checkpoints.", show_default=False),
    ],
    *,
    unchanged: Annotated[
        bool, typer.Option("--all", help="Show what is the same in all of them too.")
    ] = False,
    output_format: OutputFormat = TextFormat.TEXT,
    sidecar_dir: SidecarDir = None,
    no_index: NoIndex = False,
    quiet: Quiet = False,
    color: Colored = Color.AUTO,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Show what differs between checkpoints.

    In metrics, configuration, model and environment.
    """
    if len(checkpoints) < 2:  # noqa: PLR2004 - one checkpoint differs from nothing
        raise typer.BadParameter("name two checkpoints or more", param_hint="CHECKPOINT")
    output = Output(color, quiet)
    session = start(checkpoints, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    from checkpoint_meta.catalog.compare import compare
    from checkpoint_meta.catalog.configuration import with_configuration

    rows = [session.row(path, use_index=not no_index) for path in checkpoints]
    found = compare([with_configuration(row) for row in rows], unchanged=unchanged)
    _print(rows, found, output, output_format)
    if not all(row.readable for row in rows):
        raise typer.Exit(FAILED)


def _print(
    rows: Sequence[Row], found: Sequence[Difference], output: Output, output_format: TextFormat
) -> None:
    match output_format:
        case TextFormat.TEXT:
            print_table(_table(rows, found), output)
        case TextFormat.JSON:
            output.json([_as_json(one, rows) for one in found])
        case TextFormat.JSONL:
            for one in found:
                output.json_line(_as_json(one, rows))
    if not found:
        output.say("no difference")
    for row in rows:
        if row.problem:
            output.warn(f"{row.path}: {row.problem}")


def _table(rows: Sequence[Row], found: Sequence[Difference]) -> Table:
    from .cells import show_value

    heads = [Head(name, is_flexible=True) for name in ("field", *_names(rows))]

    def line(one: Difference) -> list[Cell]:
        values = (Cell(show_value("", value, rounded=False)) for value in one.values)
        return [Cell(printable(one.name)), *values]

    return Table.of(heads, Lines(found, line))


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the shortest names that tell the checkpoints apart."""
    names = [os.path.basename(row.path) for row in rows]
    if len(set(names)) == len(names):
        return names
    common = os.path.commonpath([os.path.abspath(os.path.dirname(row.path)) for row in rows])
    return [os.path.relpath(os.path.abspath(row.path), common) for row in rows]


def _as_json(one: Difference, rows: Sequence[Row]) -> JSONValue:
    return {
        "field": one.name,
        "values": {row.path: value for row, value in zip(rows, one.values, strict=True)},
    }
