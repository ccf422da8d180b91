"""The process in which W&B's own client runs: one JSON request a line in, one answer a line out.

The client prompts, sleeps as long as a server tells it to, ignores its own timeouts in places and
leaves folders behind. So it has a process of its own, which whoever asks can end at any moment;
and whatever goes wrong in here ends it, with the reason on stderr.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wandb.apis.public import Run

    from checkpoint_meta.evidence import JSONValue

SAMPLES: Final = 10_000
"""Rows of a history that are asked for at most; a longer one is sampled by the server."""

MOST_SINGLE_NAMES: Final = 20

BATCH: Final = 50
"""Runs that one request describes."""


def main() -> None:
    """Answer until the requests end."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What the client prints is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _Server(answers).serve(sys.stdin)
    shutil.rmtree(os.environ["WANDB_DIR"], ignore_errors=True)


class _Server:
    def __init__(self, answers: TextIO) -> None:
        import wandb

        self._answers = answers
        self._api = wandb.Api(timeout=int(os.environ["WANDB_X_GRAPHQL_TIMEOUT_SECONDS"]))
        self._runs: dict[str, Run] = {}

    def serve(self, requests: Iterable[str]) -> None:
        for line in requests:
            answer = self._answer(json.loads(line))
            print(json.dumps(answer), file=self._answers, flush=True)

    def _answer(self, request: Mapping[str, JSONValue]) -> JSONValue:
        path = str(request["path"])
        if "ids" in request:
            return list(self._describe(path, _texts(request["ids"])))
        run = self._run(path, str(request["id"]), _texts(request["others"]))
        if run is None:
            return []
        return _rows(run, _texts(request["names"]), _texts(request["together"]))

    def _describe(self, path: str, ids: Sequence[str]) -> Iterator[JSONValue]:
        for run in self._load(path, ids):
            yield {
                "run_id": run.id,
                "entity": run.entity,
                "project": run.project,
                "state": run.state,
                "url": run.url,
                "config": _plain(dict(run.config)),
                "summary": _plain(dict(run.summary_metrics)),
            }

    def _load(self, path: str, ids: Sequence[str]) -> Iterator[Run]:
        """Yield the runs of these ids with all that one request gives, however many they are."""
        filters = {"name": {"$in": [*ids]}}
        # Else newer versions ask again for each run's configuration.
        takes_lazy = "lazy" in signature(self._api.runs).parameters
        ask = partial(self._api.runs, lazy=False) if takes_lazy else self._api.runs
        try:
            for run in ask(path, filters=filters, per_page=BATCH):
                self._runs[f"{path}/{run.id}"] = run
                yield run
        except ValueError as error:
            if "Could not find project" not in str(error):
                raise

    def _run(self, path: str, run_id: str, others: list[str]) -> Run | None:
        known = f"{path}/{run_id}"
        if known not in self._runs:
            ids = [run_id, *(one for one in others if one != run_id)]
            list(self._load(path, ids[:BATCH]))
        return self._runs.get(known)


def _texts(value: JSONValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _rows(run: Run, names: Sequence[str], together: Sequence[str]) -> list[JSONValue]:
    """Return the rows of `names`, each with what is logged `together` with it.

    The server gives only rows that have all names of one request: where they were logged by
    separate calls it gives none, without a word, and each is asked for alone.
    """
    rows = _history(run, [*names, *together])
    if rows or len(names) < 2:  # noqa: PLR2004 - one alone was asked for already
        return rows
    return [row for name in names[:MOST_SINGLE_NAMES] for row in _history(run, [name, *together])]


def _history(run: Run, keys: list[str]) -> list[JSONValue]:
    rows = run.history(keys=keys, pandas=False, samples=SAMPLES)
    return [_plain(dict(row)) for row in rows]


def _plain(value: object) -> JSONValue:
    """Return what JSON has names for; the client's own kinds of mapping as plain ones."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


if __name__ == "__main__":
    main()
