"""What file and folder names say; the weakest evidence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.metric_names import name_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment for the file's name and one for the run's folder."""
        run = checkpoint.run_dir.absolute().name
        if run:
            yield Fragment(Origin(self.name, run), {("exp_name",): run}, is_default=True)
        stem = checkpoint.layout.stem(checkpoint.path.name)
        parent = checkpoint.path.parent.name
        # `val/hmean={val/hmean}` in a file name template makes a folder `val`.
        whole = f"{parent}/{stem}" if parent in {"val", "valid", "validation"} else stem
        values, decimals = _read_name(whole)
        if values:
            yield Fragment(Origin(self.name, checkpoint.path.name), values, decimals)


def _read_name(stem: str) -> tuple[dict[FieldPath, JSONValue], dict[FieldPath, int]]:
    values: dict[FieldPath, JSONValue] = {}
    for field, pattern in (("epoch", _EPOCH), ("global_step", _STEP)):
        found = {int(match[1]) for match in pattern.finditer(stem)}
        if len(found) == 1:
            values["training", field] = found.pop()
    printed = {
        match["name"]: (float(match["number"]), len(match["decimals"]))
        for match in _METRIC.finditer(stem)
        if match["name"] not in _NOT_METRICS
    }
    named = name_metrics({name: number for name, (number, _) in printed.items()})
    values |= named.values
    decimals = {
        field: places
        for field, value in named.values.items()
        for number, places in printed.values()
        if number == value
    }
    return values, decimals
