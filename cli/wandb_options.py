"""Options about W&B: which run a checkpoint belongs to, and whether its server is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.sources.interface import Source
    from checkpoint_meta.sources.wandb_choice import WandbChoice

Wandb: TypeAlias = Annotated[
    bool,
    typer.Option("--wandb/--offline", help="Ask W&B's server too, or nobody; by default nobody."),
]
Refresh: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--refresh", help="Ask W&B anew; by default its answers are kept for up to 30 days."
    ),
]
WandbProject: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--wandb-project",
        metavar="ENTITY/PROJECT",
        help="Where the runs are; by default as the logs say.",
    ),
]
WandbRun: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--wandb-run", metavar="ID", help="The W&B run of all; by default found by evidence."
    ),
]
WandbMap: TypeAlias = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option(
        "--wandb-map",
        metavar="FILE",
        help="Mapping, in YAML or JSON, from globs of checkpoints to W&B runs; by default none.",
    ),
]


def wandb_choice(project: str | None, run: str | None, mapping: Path | None) -> WandbChoice:
    """Return what the options say.

    Raises:
        ReadError: if the mapping file cannot be read.
        SettingError: if it is no mapping from globs to runs.
    """
    from checkpoint_meta.sources.wandb_choice import WandbChoice, read_wandb_map

    if mapping is None:
        return WandbChoice(run, project=project)
    return WandbChoice(run, read_wandb_map(mapping), mapping.parent, project)


def wandb_source(aliases: Mapping[str, str], choice: WandbChoice, *, refresh: bool) -> Source:
    """Return the source that asks W&B's server."""
    from checkpoint_meta.sources.wandb_api import WandbApiSource

    return WandbApiSource(aliases, choice, refresh=refresh)
