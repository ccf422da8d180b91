"""Options that several commands share, each said once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional, TypeAlias

import typer

from .output import Color

Paths: TypeAlias = Annotated[
    Optional[list[Path]],  # noqa: UP045 - Typer reads it at run time
    typer.Argument(
        metavar="PATH",
        help="Files or folders, searched recursively; the current folder by default.",
        show_default=False,
    ),
]

Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, counts or hints on stderr.")
]
Verbose: TypeAlias = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more: notes, and what was left alone.")
]
Colored: TypeAlias = Annotated[
    Color, typer.Option("--color", help="When to color the output; auto: on a terminal.")
]
Config: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--config", metavar="FILE", help="Settings file; by default the nearest one is found."
    ),
]
Isolated: TypeAlias = Annotated[bool, typer.Option("--isolated", help="Read no settings file.")]
SidecarDir: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--sidecar-dir",
        metavar="DIR",
        help="Mirror folder where sidecars stand; by default beside the checkpoints.",
    ),
]

Where: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--where",
        metavar="EXPR",
        help="Only those for which this holds, such as "
        "'hmean >= 0.8 and architecture == \"dbnet\"'; by default all; repeatable.",
    ),
]
Jobs: TypeAlias = Annotated[
    Optional[int],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        help="Number of processes; by default that of the processors.",
    ),
]
NoIndex: TypeAlias = Annotated[
    bool, typer.Option("--no-index", help="Do not use the index; read every sidecar.")
]


class TextFormat(StrEnum):
    """Text for people, JSON for programs."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


OutputFormat: TypeAlias = Annotated[
    TextFormat,
    typer.Option("--format", help="text for people; json: one document; jsonl: a line each."),
]


class SchemaVersion(StrEnum):
    """Schema versions that can be written."""

    V2 = "2.0"
    V1 = "1.0"
