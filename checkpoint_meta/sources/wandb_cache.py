"""What W&B's server said of runs that are over, kept on disk; private, and for so long only."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError, WriteError
from checkpoint_meta.readers.yaml import read_text
from checkpoint_meta.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

DAY: Final = 24 * 60 * 60

SECONDS: Final[dict[str, int]] = {
    "finished": 30 * DAY,
    "crashed": 7 * DAY,
    "failed": 7 * DAY,
    "killed": 7 * DAY,
    "missing": 10 * 60,
}
"""State of a run -> how long it is kept; one that is running changes, and is not kept."""

_MOST_BYTES: Final = 64 * 1024 * 1024


def cache_folder() -> Path:
    """Return where this user's caches lie."""
    given = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    base = Path(given) if given else Path.home() / ".cache"
    return base / "checkpoint-meta" / "wandb"


@dataclass(frozen=True, slots=True)
class WandbCache:
    """One file for each server and run."""

    folder: Path = field(default_factory=cache_folder)
    refresh: bool = False
    """Pass by what is kept, and keep what is new."""

    def get(self, run: str) -> dict[str, JSONValue] | None:
        """Return what is kept of a run, by `ENTITY/PROJECT/ID`, unless it is too old."""
        file = self._file(run)
        if self.refresh or not file.is_file():
            return None
        try:
            kept = json.loads(read_text(file, _MOST_BYTES))
        except (ReadError, ValueError):
            # A broken file in a cache is as good as none.
            return None
        if not isinstance(kept, dict) or not isinstance(kept.get("run"), dict):
            return None
        age = time.time() - _number(kept.get("saved_at"))
        state = kept["run"].get("state")
        return kept["run"] if 0 <= age < SECONDS.get(str(state), 0) else None

    def put(self, run: str, values: Mapping[str, JSONValue]) -> None:
        """Keep what is known of a run; where that fails, it is asked again the next time."""
        if str(values.get("state")) not in SECONDS:
            return
        content = json.dumps({"saved_at": time.time(), "run": dict(values)})
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file(run), content.encode())
        except (OSError, WriteError):
            return

    def _file(self, run: str) -> Path:
        server = os.environ.get("WANDB_BASE_URL", "")
        name = hashlib.sha256(f"{server.rstrip('/')}\n{run}".encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"


def _number(value: JSONValue) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
