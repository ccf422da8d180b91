"""The runs that the Trainer's loggers write to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue


def logger_claims(loggers: Iterable[object], folder: Path | None) -> dict[FieldPath, JSONValue]:
    """Return the claims about `wandb` and about `loggers`, the folders relative to `folder`.

    No run is started for it: of W&B only a run that is under way is asked.
    """
    claims: dict[FieldPath, JSONValue] = {}
    lines: list[JSONValue] = []
    for logger in loggers:
        if type(logger).__name__ == "WandbLogger":
            claims |= wandb_claims(logger)
        line = _line(logger, folder)
        if line is not None:
            lines.append(line)
    if lines:
        claims["loggers",] = lines
    return claims


def wandb_claims(logger: object = None) -> dict[FieldPath, JSONValue]:
    """Return what the W&B run under way says of itself."""
    run = getattr(logger, "_experiment", None) or getattr(sys.modules.get("wandb"), "run", None)
    run_id = getattr(run, "id", None)
    if not isinstance(run_id, str):
        return {}
    values = {"run_id": run_id} | {
        key: found
        for key in ("entity", "project", "url")
        if isinstance(found := getattr(run, key, None), str) and found
    }
    claims: dict[FieldPath, JSONValue] = {("wandb", key): value for key, value in values.items()}
    return claims | {("wandb_run_id",): run_id}


def _line(logger: object, folder: Path | None) -> JSONValue:
    """Return a logger that writes to a local folder as `{logger, folder}`."""
    log_dir = getattr(logger, "log_dir", None)
    if not isinstance(log_dir, str) or "://" in log_dir:
        return None
    shown = log_dir if folder is None else os.path.relpath(log_dir, folder)
    return {"logger": type(logger).__name__, "folder": shown}
