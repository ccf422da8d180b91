"""CM308: metrics that are the run's, or no numbers at all, and not this checkpoint's."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity
from checkpoint_meta.faults import guarded
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.readers.yaml import CONFIG_BYTES, is_finite, read_text
from checkpoint_meta.resolve import agrees
from checkpoint_meta.rules.rule import Flaw, rule
from checkpoint_meta.sources.contents import METRIC_KEYS, numbers
from checkpoint_meta.sources.model_checkpoint import basename
from checkpoint_meta.sources.reading import read_contents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.rules.case import Case

_STEP_KEYS: Final = ("trainer/global_step", "global_step")

_NOT_FINITE: Final = frozenset({"nan", "inf", "-inf"})
"""How the reader writes numbers that YAML and JSON have no common name for."""


@rule(
    "CM308",
    "metric-of-the-run",
    severity=Severity.WARNING,
    mend="run ckpt-meta convert --overwrite, which takes metrics of this very step only",
)
def metrics_are_not_the_runs(case: Case) -> Iterator[Flaw]:
    """No metric is the run's best or last, where this checkpoint is another one of the run.

    Compared are the best score of the checkpoint's own ModelCheckpoint, where another file has
    it, and W&B's summary of the run, where it was written at another step.
    """
    confirmed = {claim.field for claim in case.own_claims}
    summary = [*_best_of_the_run(case), *_last_of_the_run(case)]
    for field, value, whose in summary:
        said = case.number(field)
        if field in confirmed or said is None or case.is_pinned(field):
            continue
        if agrees(said, value):
            yield Flaw(field, f"{said} is {whose}, not this checkpoint's")
            confirmed.add(field)


def _best_of_the_run(case: Case) -> Iterator[tuple[FieldPath, float, str]]:
    for state in case.contents.callbacks.values() if case.contents else ():
        if not isinstance(state, dict):
            continue
        monitor, best = state.get("monitor"), state.get("best_model_score")
        name = basename(str(state.get("best_model_path", "")))
        if not isinstance(monitor, str) or not isinstance(best, (int, float)):
            continue
        if is_finite(best) and _is_at_another_step(name, case):
            yield ("checkpointing", "score"), float(best), f"the score of {name}"
            for field in _fields_of({monitor: float(best)}, case):
                yield field, float(best), f"the {monitor} of {name}"


def _is_at_another_step(name: str, case: Case) -> bool:
    """Tell whether the checkpoint called `name` lies here and was written at another step.

    `last.ckpt` is often written at the very step of the best one, and then has its metrics.
    """
    if case.checkpoint is None or case.contents is None or not name:
        return False
    other = replace(case.checkpoint, path=case.checkpoint.path.with_name(name))
    found, _ = guarded(lambda: read_contents(other))
    own = case.contents.global_step
    return found is not None and None not in (own, found.global_step) and own != found.global_step


def _last_of_the_run(case: Case) -> Iterator[tuple[FieldPath, float, str]]:
    """Yield what W&B's local files summarise of the run, if that was at another step."""
    step = case.number(("training", "global_step"))
    if case.checkpoint is None or step is None:
        return
    for file in sorted(case.checkpoint.run_dir.glob("wandb/*/files/wandb-summary.json")):
        summary = _read_summary(file, file.stat().st_mtime_ns)
        steps = [summary[key] for key in _STEP_KEYS if key in summary]
        if steps and step not in steps:
            for field in _fields_of(summary, case):
                yield field, _value_of(summary, field, case), "the last of the run by its summary"


@lru_cache(maxsize=64)
def _read_summary(file: Path, _mtime_ns: int) -> Mapping[str, float]:
    content, _ = guarded(lambda: json.loads(read_text(file, CONFIG_BYTES)))
    return numbers(content) if isinstance(content, dict) else {}


def _fields_of(logged: Mapping[str, float], case: Case) -> list[FieldPath]:
    return [*name_metrics(logged, case.aliases).values]


def _value_of(logged: Mapping[str, float], field: FieldPath, case: Case) -> float:
    value = name_metrics(logged, case.aliases).values[field]
    return float(value) if isinstance(value, (int, float)) else float("nan")


@rule(
    "CM311",
    "diverged",
    severity=Severity.WARNING,
    mend="do not use the checkpoint, or ignore this rule with a reason",
)
def measurements_are_finite(case: Case) -> Iterator[Flaw]:
    """What the checkpoint measured is finite.

    NaN and infinity are kept out of a sidecar's metrics, so they would go unseen there.
    """
    contents = case.contents
    if contents is None or case.checkpoint is None:
        return
    for key in METRIC_KEYS:
        for name, value in _not_finite(contents.custom.get(key), key):
            yield Flaw((), f"{name} is {value}", path=case.checkpoint.path, value=name)
    for state in contents.callbacks.values():
        score = state.get("current_score") if isinstance(state, dict) else None
        if isinstance(state, dict) and score in _NOT_FINITE:
            message = f"{state.get('monitor')} is {score}, by its ModelCheckpoint"
            yield Flaw((), message, path=case.checkpoint.path, value=str(state.get("monitor")))


def _not_finite(value: JSONValue, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f"{name}.{key}")
    elif isinstance(value, str) and value in _NOT_FINITE:
        yield name, value
