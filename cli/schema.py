"""`ckpt-meta schema`: the JSON Schema of sidecars, for editors and other checkers."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import SchemaVersion


def schema_command(
    *,
    schema: Annotated[
        SchemaVersion, typer.Option("--schema", help="Version of the format.")
    ] = SchemaVersion.V2,
) -> None:
    """Print the JSON Schema of sidecars."""
    # Imported here: it brings a good part of the standard library.
    from importlib.resources import files

    folder = files("checkpoint_meta.schema") / "json"
    typer.echo((folder / f"sidecar-{schema.value}.json").read_text(encoding="utf-8"), nl=False)
