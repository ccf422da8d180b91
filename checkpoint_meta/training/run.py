"""What the folder of the run tells while it trains: its name, and what Hydra has written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.claims import Claims, gather
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.paths import CheckpointFile, Layout
from checkpoint_meta.sources.filename import FilenameSource
from checkpoint_meta.sources.hydra import HydraSource

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue


def run_claims(checkpoint: CheckpointFile) -> Claims:
    """Return the claims of the run's folder; a configuration that cannot be read is a note."""
    name = checkpoint.run_dir.absolute().name
    own: dict[FieldPath, JSONValue] = {("exp_name",): name} if name else {}
    named = Fragment(Origin(FilenameSource.name, name), own, is_default=True)
    hydra = gather(_seen_from_hydra(checkpoint), [HydraSource()])
    return Claims((named, *hydra.fragments), hydra.notes)


def _seen_from_hydra(checkpoint: CheckpointFile) -> CheckpointFile:
    """Return the checkpoint as if it lay in the output folder of the Hydra job that runs.

    So its configuration is found where checkpoints are written elsewhere; the sidecar stays where
    it is, and with it what paths are relative to.
    """
    output = live_output_folder()
    if output is None or (checkpoint.run_dir / ".hydra").is_dir():
        return checkpoint
    layout = Layout(sidecar_dir=checkpoint.sidecar.parent, root=output)
    return CheckpointFile(output / checkpoint.path.name, layout)


def live_output_folder() -> Path | None:
    """Return the output folder of the Hydra job that runs in this process, if one does."""
    module = sys.modules.get("hydra.core.hydra_config")
    if module is None or not module.HydraConfig.initialized():
        return None
    output = module.HydraConfig.get().runtime.output_dir
    return Path(output) if isinstance(output, str) else None
