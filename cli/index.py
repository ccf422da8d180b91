"""`ckpt-meta index`: the cache that makes the second `list` fast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from .cells import show_size
from .lean import LeanCommand
from .options import Config, Isolated, OutputFormat, Paths, Quiet, SidecarDir, TextFormat
from .output import Output
from .session import start

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

app = typer.Typer(
    help="Look after the index of what was read.\n\n"
    "It lies in the user's cache folder, and is safe to delete at any time.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("status", cls=LeanCommand)
def status_command(*, output_format: OutputFormat = TextFormat.TEXT) -> None:
    """Say where the index lies and what it holds."""
    from checkpoint_meta.catalog.database import Database, index_file

    file = index_file()
    exists = file.is_file()
    rows = Database(file).ask("SELECT coalesce(sum(total), 0) FROM folders") if exists else [(0,)]
    found: dict[str, JSONValue] = {
        "file": str(file),
        "size_bytes": file.stat().st_size if exists else 0,
        "checkpoints": int(str(rows[0][0])) if rows else None,
    }
    output = Output()
    if output_format is not TextFormat.TEXT:
        output.json_line(found)
        return
    output.line(str(file))
    size = show_size(file.stat().st_size) if exists else "no file"
    known = "cannot be read" if not rows else f"{found['checkpoints']} checkpoints"
    output.line(f"{size}, {known}")


@app.command("build", cls=LeanCommand)
def build_command(
    paths: Paths = None,
    *,
    sidecar_dir: SidecarDir = None,
    quiet: Quiet = False,
    config: Config = None,
    isolated: Isolated = False,
) -> None:
    """Read every checkpoint below the PATHs into the index."""
    output = Output(quiet=quiet)
    session = start(paths, output, config=config, isolated=isolated, sidecar_dir=sidecar_dir)
    started = time.monotonic()
    count = sum(len(group) for group in session.groups(refresh=True))
    output.say(f"{count} checkpoints in {time.monotonic() - started:.1f} s")
    if session.unreadable:
        raise typer.Exit(1)


@app.command("clear", cls=LeanCommand)
def clear_command(*, quiet: Quiet = False) -> None:
    """Remove the index, and those of other versions."""
    from checkpoint_meta.catalog.database import cache_folder, remove_indexes

    files = remove_indexes()
    output = Output(quiet=quiet)
    output.say(f"{cache_folder()}: {len(files)} file{'s' if len(files) != 1 else ''} removed")
