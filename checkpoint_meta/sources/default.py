"""The sources that are asked when nobody says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.sources.config_files import ConfigFilesSource
from checkpoint_meta.sources.contents import ContentsSource
from checkpoint_meta.sources.filename import FilenameSource
from checkpoint_meta.sources.filetime import FileTimeSource
from checkpoint_meta.sources.hydra import HydraSource
from checkpoint_meta.sources.logs import LogsSource
from checkpoint_meta.sources.sidecar import SidecarSource
from checkpoint_meta.sources.state_dict import StateDictSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checkpoint_meta.sources.interface import Source
    from checkpoint_meta.sources.wandb_choice import WandbChoice


def default_sources(
    aliases: Mapping[str, str] | None = None,
    wandb: WandbChoice | None = None,
    *,
    signatures: Path | None = None,
) -> list[Source]:
    """Return every local source.

    `aliases` (field -> logged name) are the user's metric names, `wandb` is what the user says
    about W&B's runs, `signatures` a file of rules beside the built-in ones, which is read when
    the first checkpoint is: `load_signatures` tells at once what is wrong with it.
    """
    return [
        ContentsSource(aliases),
        StateDictSource(signatures),
        SidecarSource(),
        HydraSource(signatures),
        ConfigFilesSource(signatures),
        LogsSource(aliases, wandb),
        FilenameSource(aliases),
        FileTimeSource(),
    ]
