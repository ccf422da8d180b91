"""How the outcomes of `convert` are shown."""

from __future__ import annotations

import difflib
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.convert import Outcome, Status
from checkpoint_meta.errors import printable
from checkpoint_meta.evidence import show_field
from checkpoint_meta.schema.fields import flatten, nest
from checkpoint_meta.schema.order import in_order

from .options import TextFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.resolve import Conflict, Resolution

    from .output import Output

_WIDEST: Final = 60

_MOST_FAULTS: Final = 100
"""Files that are said to be broken; with more, it is their disk or their format."""


@dataclass(frozen=True, slots=True)
class ConvertView:
    """Prints outcomes as they come."""

    output: Output
    format: TextFormat
    dry_run: bool = False
    diff: bool = False
    explain: bool = False

    def show(self, outcomes: Iterable[Outcome]) -> bool:
        """Print every outcome and the counts; return whether any failed."""
        started = time.monotonic()
        counts: Counter[Status] = Counter()
        shown: list[JSONValue] = []
        said: set[str] = set()
        for outcome in outcomes:
            counts[outcome.status] += 1
            self._warn(outcome, said)
            match self.format:
                case TextFormat.TEXT:
                    self._print(outcome)
                case TextFormat.JSONL:
                    self.output.json_line(self._as_json(outcome))
                case TextFormat.JSON:
                    shown.append(self._as_json(outcome))
        if self.format is TextFormat.JSON:
            self.output.json(shown)
        self.output.say(self._summary(counts, time.monotonic() - started))
        return counts[Status.FAILED] > 0

    def _warn(self, outcome: Outcome, said: set[str]) -> None:
        """Say each fault once, whichever and however many checkpoints met it."""
        for fault in outcome.faults:
            if fault not in said and len(said) < _MOST_FAULTS:
                said.add(fault)
                self.output.warn(f"warning: {printable(fault)}")

    def _as_json(self, outcome: Outcome) -> JSONValue:
        explained = explanation_as_json(outcome.resolution) if self.explain else {}
        return {**as_json(outcome), **explained}

    def _print(self, outcome: Outcome) -> None:
        self.output.line(self._line(outcome))
        for note in outcome.notes if self.output.verbose else ():
            self.output.line(f"          {note}")
        if self.explain and outcome.resolution:
            for line in explanation(outcome.resolution):
                self.output.line(line)
        if self.diff:
            self.output.block(unified_diff(outcome))

    def _line(self, outcome: Outcome) -> str:
        changes = outcome.status in (Status.CREATED, Status.UPDATED)
        word = f"would be {outcome.status}" if self.dry_run and changes else outcome.status
        path = outcome.checkpoint.sidecar if changes else outcome.checkpoint.path
        line = f"{word:9} {printable(str(path))}"
        if outcome.reason:
            # A failure's sentence begins with the file already.
            start = f"{printable(str(outcome.checkpoint.path))}: "
            line += f": {outcome.reason.removeprefix(start)}"
        count = len(outcome.conflicts)
        if count and changes:
            line += f" ({count} conflict{'s' if count > 1 else ''})"
        return line

    def _summary(self, counts: Counter[Status], seconds: float) -> str:
        parts = [f"{counts[status]} {status}" for status in Status if counts[status]]
        total = counts.total()
        rate = f", {total / seconds:.0f} checkpoints/s" if seconds > 0 and total else ""
        dry = "dry run, nothing written: " if self.dry_run else ""
        return f"{dry}{', '.join(parts) or 'nothing to do'} in {seconds:.1f} s{rate}"


def as_json(outcome: Outcome) -> dict[str, JSONValue]:
    """Return an outcome in the documented, stable shape."""
    return {
        "checkpoint": str(outcome.checkpoint.path),
        "outcome": outcome.status.value,
        "sidecar": str(outcome.checkpoint.sidecar),
        "conflicts": [_conflict(conflict) for conflict in outcome.conflicts],
        "notes": list(outcome.notes),
        "reason": outcome.reason,
    }


def explanation_as_json(resolution: Resolution | None) -> dict[str, JSONValue]:
    """Return each field's value and where it came from; `null` where nothing was resolved."""
    if resolution is None:
        return {"values": None, "provenance": None}
    return {
        "values": {show_field(field): value for field, value in resolution.values.items()},
        "provenance": {
            show_field(field): {"source": origin.source, "location": origin.location}
            for field, origin in resolution.provenance.items()
        },
    }


def _conflict(conflict: Conflict) -> JSONValue:
    return {
        "field": show_field(conflict.field),
        "value": conflict.value,
        "source": conflict.origin.source,
        "location": conflict.origin.location,
    }


def unified_diff(outcome: Outcome) -> str:
    """Return what changes in the sidecar, as `diff -u` prints it."""
    name = printable(str(outcome.checkpoint.sidecar))
    before, after = outcome.before or "", outcome.after or ""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name
    )
    return "".join(lines)


def explanation(resolution: Resolution) -> Iterator[str]:
    """Yield a table: field, value, source and place, and what else was claimed."""
    rows = [
        (show_field(field), _short(value), _origin(field, resolution), _others(field, resolution))
        for field, value in flatten(in_order(nest(resolution.values))).items()
    ]
    rows.insert(0, ("field", "value", "from", "other claims"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "    " + "  ".join((*cells, row[3])).rstrip()


def _short(value: JSONValue) -> str:
    text = printable(str(value))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _origin(field: FieldPath, resolution: Resolution) -> str:
    origin = resolution.provenance.get(field)
    if origin is None:
        return "the sidecar, by hand"
    return f"{origin.source}: {origin.location}" if origin.location else origin.source


def _others(field: FieldPath, resolution: Resolution) -> str:
    return "; ".join(
        f"{_short(conflict.value)} ({conflict.origin.source}: {conflict.origin.location})"
        for conflict in resolution.conflicts
        if conflict.field == field
    )
