"""What file and folder names say; the weakest evidence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.step_rule import is_score_stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile

_COUNT: Final = r"(?:^|[^a-z])(?:{0}[=_-])?{0}[=_-](\d{{1,12}})(?=$|[^\d.])"
_EPOCH: Final = re.compile(_COUNT.format("epoch"))
_STEP: Final = re.compile(_COUNT.format("step"))
_METRIC: Final = re.compile(
    r"(?:^|[_-])(?P<name>(?:[A-Za-z]\w*/)?[A-Za-z](?:\w*[A-Za-z0-9])?)"
    r"[=-](?P<number>-?\d+\.(?P<decimals>\d+))(?=$|[_-])"
)
_NOT_METRICS: Final = frozenset({"epoch", "step", "loss"})
"""A bare `loss` in a name leaves open whose it is: the training's or the validation's."""


class FilenameSource:
    """The checkpoint's own name, and the name of its run's folder."""

    name: ClassVar[str] = "filename"

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        self._aliases = dict(aliases or {})

    def mark(self, _: CheckpointFile) -> str:
        """Return a mark of the user's names for metrics."""
        return mark_of(settings=self._aliases)

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment for the file's name and one for the run's folder."""
        run = checkpoint.run_dir.absolute().name
        if run:
            yield Fragment(Origin(self.name, run), {("exp_name",): run}, is_default=True)
        values, decimals = _read_name(_whole_name(checkpoint), self._aliases)
        if _prints_stale_metrics(checkpoint):
            values = {field: value for field, value in values.items() if field[0] != "metrics"}
        if values:
            yield Fragment(Origin(self.name, checkpoint.path.name), values, decimals)


def _prints_stale_metrics(checkpoint: CheckpointFile) -> bool:
    """Tell whether the numbers in the name were measured at an earlier step than the weights."""
    try:
        contents = read_contents(checkpoint)
    except ReadError:
        # The source `checkpoint` says so; the name is all that is left.
        return False
    return is_score_stale(contents, "")


def printed_metrics(checkpoint: CheckpointFile) -> dict[str, tuple[float, int]]:
    """Return the metrics in the checkpoint's name, each with the decimals that it is printed to."""
    return _printed(_whole_name(checkpoint))


def _whole_name(checkpoint: CheckpointFile) -> str:
    stem = checkpoint.layout.stem(checkpoint.path.name)
    parent = checkpoint.path.parent.name
    # `val/hmean={val/hmean}` in a file name template makes a folder `val`.
    return f"{parent}/{stem}" if parent in {"val", "valid", "validation"} else stem


def _printed(stem: str) -> dict[str, tuple[float, int]]:
    return {
        match["name"]: (float(match["number"]), len(match["decimals"]))
        for match in _METRIC.finditer(stem)
        if match["name"] not in _NOT_METRICS
    }


def _read_name(
    stem: str, aliases: Mapping[str, str]
) -> tuple[dict[FieldPath, JSONValue], dict[FieldPath, int]]:
    values: dict[FieldPath, JSONValue] = {}
    for field, pattern in (("epoch", _EPOCH), ("global_step", _STEP)):
        found = {int(match[1]) for match in pattern.finditer(stem)}
        if len(found) == 1:
            values["training", field] = found.pop()
    printed = _printed(stem)
    named = name_metrics({name: number for name, (number, _) in printed.items()}, aliases)
    values |= named.values
    decimals = {
        field: places
        for field, value in named.values.items()
        for number, places in printed.values()
        if number == value
    }
    return values, decimals
