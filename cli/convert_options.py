"""Options of `convert`, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional, TypeAlias

import typer

from .options import SchemaVersion

DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Write nothing; say what would be done.")
]
Diff: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--diff",
        help="Print the unified diff of each sidecar, which is written too unless -n is given.",
    ),
]
Overwrite: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Resolve every value anew; by default a 2.0 sidecar is completed, and what it "
        "says stays. Comments, unknown keys and pinned fields stay either way.",
    ),
]
Schema: TypeAlias = Annotated[
    SchemaVersion, typer.Option("--schema", help="Version of the format to write.")
]
OutputsDir: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--outputs-dir",
        metavar="DIR",
        help="Folder that paths in 1.0 sidecars are relative to; by default the PATH given.",
    ),
]
Source: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--source",
        metavar="NAME",
        help="Ask this source only; by default all but wandb; repeatable.",
    ),
]
NoSource: TypeAlias = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--no-source",
        metavar="NAME",
        help="Do not ask this source; by default none is left out. A later run without this "
        "asks it. Repeatable.",
    ),
]
ListSources: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--list-sources", help="Print the sources, the most trusted first, and do nothing else."
    ),
]
Explain: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Print each value, where it came from, and what else was claimed; a checkpoint "
        "that is up to date is opened for it too.",
    ),
]
Hash: TypeAlias = Annotated[
    bool, typer.Option("--hash", help="Record a SHA-256, which reads every byte of the checkpoint.")
]
