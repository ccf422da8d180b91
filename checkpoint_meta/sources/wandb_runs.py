"""Runs on W&B's server: asked for in batches, each once, through the guard and the cache."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from checkpoint_meta.metric_names import is_of_training, is_of_validation
from checkpoint_meta.sources.wandb_child import BATCH
from checkpoint_meta.sources.wandb_client import WandbClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.sources.wandb_cache import WandbCache

STEP: Final = "trainer/global_step"
TOGETHER: Final = ("epoch", STEP)
"""What Lightning logs with every row."""

MISSING: Final[dict[str, JSONValue]] = {"state": "missing"}


@dataclass(slots=True)
class RemoteRuns:
    """What the server says of runs: one request for many, and one more for each run's history."""

    cache: WandbCache
    client: WandbClient = field(default_factory=WandbClient)
    _known: dict[str, dict[str, JSONValue]] = field(default_factory=dict)

    def get(
        self, path: str, run_id: str, others: Callable[[], Sequence[str]] = tuple
    ) -> Mapping[str, JSONValue] | None:
        """Return what the server says of a run of the project `path`; `None` if it has none.

        `others` gives the runs that will be asked for next: one request gives them all.

        Raises:
            MissingExtraError: if wandb is not installed.
            WandbUnavailableError: if the server cannot be asked.
        """
        name = f"{path}/{run_id}"
        if name not in self._known:
            kept = self.cache.get(name)
            if kept is None:
                self._load(path, [run_id, *(one for one in others() if one != run_id)][:BATCH])
            else:
                self._known[name] = kept
        found = self._known[name]
        return None if found.get("state") == "missing" else found

    def _load(self, path: str, ids: list[str]) -> None:
        wanted = [one for one in ids if f"{path}/{one}" not in self._known]
        answer = self.client.ask({"path": path, "ids": wanted})
        found = {run["run_id"]: run for run in _mappings(answer)}
        for run_id in wanted:
            run = found.get(run_id, MISSING)
            self._known[f"{path}/{run_id}"] = run
            if run is MISSING:
                self.cache.put(f"{path}/{run_id}", run)

    def rows(self, path: str, run_id: str) -> list[dict[str, float]]:
        """Return the rows of the run's history that a validation logged, by Lightning's step.

        Raises:
            MissingExtraError: if wandb is not installed.
            WandbUnavailableError: if the server cannot be asked.
        """
        name = f"{path}/{run_id}"
        run = self._known[name]
        if "rows" not in run:
            names = _validation_names(run.get("summary"))
            request = {
                "path": path,
                "id": run_id,
                "names": names,
                "together": TOGETHER,
                "others": self._waiting(path),
            }
            run = {**run, "rows": self.client.ask(request) if names else []}
            self._known[name] = run
            self.cache.put(name, run)
        return [_numbers(row) for row in _mappings(run["rows"])]

    def _waiting(self, path: str) -> list[str]:
        """Return the runs whose rows nobody has asked for: a new client asks for them at once."""
        names = [name for name, run in self._known.items() if "rows" not in run]
        return [name.removeprefix(f"{path}/") for name in names if name.startswith(f"{path}/")]


def _mappings(value: JSONValue) -> list[dict[str, JSONValue]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _validation_names(summary: JSONValue) -> list[str]:
    """Return the names that the run logged at validation, by what its summary holds."""
    names = [
        name
        for name, value in (summary if isinstance(summary, dict) else {}).items()
        if _number(value) is not None
        and not name.startswith(("_", "system/"))
        and name not in TOGETHER
        and not is_of_training(name)
    ]
    return [name for name in names if is_of_validation(name)] or names


def _numbers(row: Mapping[str, JSONValue]) -> dict[str, float]:
    numbers = {name: _number(value) for name, value in row.items() if not name.startswith("_")}
    return {name: number for name, number in numbers.items() if number is not None}


def _number(value: JSONValue) -> float | None:
    if isinstance(value, str) and value.lower() in ("nan", "inf", "-inf", "infinity", "-infinity"):
        return float(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, (int, float)) else None
