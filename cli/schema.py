"""`ckpt-meta schema`: the JSON Schema of sidecars, for editors and other checkers."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

import typer

from .options import SchemaVersion


def schema_command(
    *,
    schema: Annotated[
        SchemaVersion, typer.Option("--schema", help="Schema version to print.")
    ] = SchemaVersion.V2,
) -> None:
    """Print the JSON Schema of sidecars."""
    folder = files("checkpoint_meta.schema") / "json"
    typer.echo((folder / f"sidecar-{schema.value}.json").read_text(encoding="utf-8"), nl=False)
