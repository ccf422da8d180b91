"""What the checkpoint says of itself: epoch, step, hyper-parameters, metrics, choice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.masking import cut_large_values, mask_secrets
from checkpoint_meta.metric_names import NamedMetrics, name_metrics
from checkpoint_meta.resolve import agrees
from checkpoint_meta.sources.interface import location_of
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.model_checkpoint import Choice, choice_of
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.step_rule import is_score_stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents

METRIC_KEYS: Final = ("cleval_metrics", "metrics")
"""Keys at the top of a checkpoint under which projects keep its metrics."""


class ContentsSource:
    """The checkpoint itself, without its tensors."""

    name: ClassVar[str] = "checkpoint"

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        self._aliases = dict(aliases or {})

    def mark(self, _: CheckpointFile) -> str:
        """Return a mark of the user's names for metrics."""
        return mark_of(settings=self._aliases)

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment.

        Raises:
            ReadError: if the file is no checkpoint.
        """
        contents = read_contents(checkpoint)
        choice = choice_of(checkpoint, contents)
        fresh = choice if choice and not _is_stale(contents, choice) else None
        metrics = _metrics(contents, fresh, self._aliases)
        values = {**_training(contents), **_choice(choice), **_model(contents), **metrics.values}
        known = {field: value for field, value in values.items() if value is not None}
        origin = Origin(self.name, location_of(checkpoint.path, checkpoint))
        yield Fragment(origin, known, notes=(*contents.problems, *metrics.notes))


def _is_stale(contents: CheckpointContents, choice: Choice) -> bool:
    return choice.monitor is not None and is_score_stale(contents, choice.monitor)


def _training(contents: CheckpointContents) -> dict[FieldPath, JSONValue]:
    hyper_parameters = contents.hyper_parameters
    return {
        ("training", "epoch"): contents.epoch,
        ("training", "global_step"): contents.global_step,
        ("environment", "lightning"): contents.lightning_version,
        ("hyperparameters",): presentable(hyper_parameters) if hyper_parameters else None,
    }


def presentable(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return hyper-parameters fit for a sidecar: secrets masked, bulk cut."""
    masked = mask_secrets(dict(values))
    return cut_large_values(masked) if isinstance(masked, dict) else {}


def _choice(choice: Choice | None) -> dict[FieldPath, JSONValue]:
    if choice is None:
        return {}
    return {
        ("checkpointing", "monitor"): choice.monitor,
        ("checkpointing", "mode"): choice.mode,
        ("checkpointing", "score"): choice.score,
    }


def _model(contents: CheckpointContents) -> dict[FieldPath, JSONValue]:
    if contents.parameter_count is None:
        return {}
    parameters: dict[str, JSONValue] = {"count": contents.parameter_count}
    if contents.parameter_bytes is not None:
        parameters["bytes"] = contents.parameter_bytes
    if contents.dtypes:
        parameters["dtypes"] = dict(contents.dtypes)
    return {("model", "parameters"): parameters}


def _metrics(
    contents: CheckpointContents, choice: Choice | None, aliases: Mapping[str, str]
) -> NamedMetrics:
    """Return the metrics that the checkpoint carries, and its score under the monitor's name."""
    stored: dict[str, float] = {}
    for key in METRIC_KEYS:
        stored |= numbers(contents.custom.get(key))
    named = name_metrics(stored, aliases)
    if choice is None or choice.score is None or choice.monitor is None:
        return named
    scored = name_metrics({choice.monitor: choice.score}, aliases)
    values = {**scored.values, **named.values}
    notes = tuple(
        f"{'.'.join(field)} is {values[field]}, and its ModelCheckpoint says {value}"
        for field, value in scored.values.items()
        if not agrees(values[field], value)
    )
    return NamedMetrics(values, (*named.notes, *scored.notes, *notes))


def numbers(value: JSONValue, prefix: str = "") -> dict[str, float]:
    """Return every number below `value` by its name, nested names joined with `/`."""
    if isinstance(value, dict):
        found: dict[str, float] = {}
        for key, item in value.items():
            found |= numbers(item, f"{prefix}/{key}" if prefix else key)
        return found
    if isinstance(value, (int, float)) and not isinstance(value, bool) and prefix:
        return {prefix: _as_float(value)}
    return {}


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        # An integer beyond every float.
        return math.copysign(math.inf, value > 0 or -1)
