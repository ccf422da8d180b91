"""`ckpt-meta show`: what one checkpoint says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from checkpoint_meta.errors import ReadError

from .options import Colored, OutputFormat, TextFormat
from .output import Color, Output
from .session import must_exist

_UNREADABLE = 1


def show_command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A checkpoint: a file, or the folder of a sharded one."
        ),
    ],
    *,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor of the state dict.")
    ] = False,
    output_format: OutputFormat = TextFormat.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """Show what a checkpoint says of itself.

    Nothing in it is run, no tensor is read. Exits with 1 if it cannot be read.
    """
    from checkpoint_meta.readers.checkpoint import read_checkpoint_file

    from .show_document import to_document
    from .show_view import show_text

    must_exist(path)
    output = Output(color)
    try:
        contents = read_checkpoint_file(path)
    except ReadError as error:
        output.warn(str(error))
        raise typer.Exit(_UNREADABLE) from error
    document = to_document(path, contents, tensors=tensors)
    match output_format:
        case TextFormat.JSON:
            output.json(document)
        case TextFormat.JSONL:
            output.json_line(document)
        case TextFormat.TEXT:
            show_text(output, document)
