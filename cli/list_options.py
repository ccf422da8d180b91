"""The options of `list` alone."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional, TypeAlias

import typer

from checkpoint_meta.catalog.row import Status


class ListFormat(StrEnum):
    """A table for people, the others for programs."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    MARKDOWN = "markdown"
    PATH = "path"


Sort: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--sort",
        metavar="KEY[:asc|:desc]",
        help="Sort by this field, the better end first or as said, missing values last; "
        "by default by path; repeatable.",
    ),
]
Limit: TypeAlias = Annotated[
    Optional[int],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--limit", metavar="N", min=0, help="Only the first N rows; by default all."),
]
Per: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--per",
        metavar="run|KEY",
        help="Only the best of each run, or of each KEY; by default all.",
    ),
]
Top: TypeAlias = Annotated[
    Optional[int],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--top", metavar="K", min=1, help="With --per: the K best of each; by default 1."),
]
Columns: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--columns",
        metavar="A,B,+C,-D",
        help="Only these columns, or + one and - one of the default: run, checkpoint, epoch, "
        "step, the metrics that differ, age, size, status.",
    ),
]
AllColumns: TypeAlias = Annotated[
    bool, typer.Option("--all-columns", help="A column for every field that any of them has.")
]
Statuses: TypeAlias = Annotated[
    Optional[list[Status]],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--status", help="Only those of this status; by default of any; repeatable."),
]
Format: TypeAlias = Annotated[
    ListFormat,
    typer.Option(
        "--format", help="table for people, path for one path a line, others for programs."
    ),
]
Print0: TypeAlias = Annotated[
    bool, typer.Option("--print0", help="Print paths alone, each ended by a NUL, for xargs -0.")
]
Refresh: TypeAlias = Annotated[
    bool,
    typer.Option("--refresh", help="Read everything anew into the index; by default what changed."),
]
