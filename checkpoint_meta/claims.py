"""Everything that the sources claim about one checkpoint, resolved into a valid whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import CheckpointMetaError, ReadError
from checkpoint_meta.evidence import show_field
from checkpoint_meta.resolve import PRECEDENCE, Resolution, agrees, resolve
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import nest
from checkpoint_meta.schema.versions import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.sources.interface import Source

INDISPENSABLE: Final = "checkpoint"
"""Source whose failure is the checkpoint's; any other that fails is a note."""

_IRREFUTABLE: Final = ("pinned", "training")
"""What a person has set, and what was seen as it happened."""


_MONITOR: Final[FieldPath] = ("checkpointing", "monitor")

_SETTINGS: Final = frozenset(
    ("checkpointing", setting) for setting in ("mode", "save_top_k", "save_last")
)
"""What is true of one ModelCheckpoint, and not of its neighbor in the same configuration."""


@dataclasses.dataclass(frozen=True, slots=True)
class Claims:
    """What was gathered, and which sources could not be read."""

    fragments: tuple[Fragment, ...]
    notes: tuple[str, ...] = ()

    faults: tuple[str, ...] = ()
    """Which files or servers could not be read, and why; each is among the notes too."""


def gather(checkpoint: CheckpointFile, sources: Iterable[Source]) -> Claims:
    """Return what each source claims; one that cannot be read is a note, and the rest go on.

    Raises:
        ReadError: if the checkpoint itself cannot be read.
    """
    fragments: list[Fragment] = []
    faults: list[str] = []
    for source in sources:
        try:
            fragments += source.collect(checkpoint)
        except ReadError as error:
            if source.name == INDISPENSABLE:
                raise
            faults.append(str(error))
        except CheckpointMetaError as error:
            faults.append(str(error))
    met = (fault for fragment in fragments for fault in fragment.faults)
    return Claims(without_refuted(fragments), tuple(faults), (*faults, *met))


def without_refuted(fragments: Sequence[Fragment]) -> tuple[Fragment, ...]:
    """Return the fragments without the claims that another of them shows to be wrong."""
    refuted = [(field, value) for one in fragments for field, value in one.refuted.items()]
    if not refuted:
        return tuple(fragments)
    return tuple(_unrefuted(fragment, refuted) for fragment in fragments)


def _unrefuted(fragment: Fragment, refuted: Sequence[tuple[FieldPath, JSONValue]]) -> Fragment:
    if fragment.origin.source in _IRREFUTABLE:
        return fragment
    wrong = {
        field
        for field, value in refuted
        if field in fragment.values
        and agrees(value, fragment.values[field], fragment.decimals.get(field))
    }
    values = {field: value for field, value in fragment.values.items() if field not in wrong}
    return dataclasses.replace(fragment, values=values)


def resolve_claims(claims: Claims, precedence: Sequence[str] = PRECEDENCE) -> Resolution:
    """Return the resolution of those claims that fit the schema; the others are notes."""
    notes = list(claims.notes)
    resolution = resolve(claims.fragments, precedence=precedence)
    monitor = resolution.values.get(_MONITOR)
    fragments = [_of_monitor(fragment, monitor) for fragment in claims.fragments]
    if any(new is not old for new, old in zip(fragments, claims.fragments, strict=True)):
        resolution = resolve(fragments, precedence=precedence)
    while bad := _unfit(resolution):
        for field, message in bad.items():
            origin = resolution.provenance[field]
            notes.append(f"{origin.source} claims {show_field(field)}, left out: {message}")
            fragments = [_without(one, field, origin.source) for one in fragments]
        resolution = resolve(fragments, precedence=precedence)
    return dataclasses.replace(resolution, notes=(*notes, *resolution.notes))


def _of_monitor(fragment: Fragment, monitor: JSONValue) -> Fragment:
    """Return the fragment without the settings of a ModelCheckpoint that has another monitor."""
    if monitor is None or fragment.values.get(_MONITOR) in (None, monitor):
        return fragment
    values = {field: value for field, value in fragment.values.items() if field not in _SETTINGS}
    if len(values) == len(fragment.values):
        return fragment
    return dataclasses.replace(fragment, values=values)


def _unfit(resolution: Resolution) -> dict[FieldPath, str]:
    """Return the fields whose value the schema refuses."""
    document = nest(resolution.values) | {
        "schema_version": SCHEMA_VERSION,
        "checkpoint_path": "",
    }
    problems = check_document(document)
    return {
        field: problem.message
        for problem in problems
        for field in _claimed(problem.field, resolution)
    }


def _claimed(place: FieldPath, resolution: Resolution) -> Iterator[FieldPath]:
    """Yield the claimed fields that the place of a problem lies in, or that lie in it."""
    for field in resolution.values:
        shorter = min(len(field), len(place))
        if field[:shorter] == place[:shorter]:
            yield field


def _without(fragment: Fragment, field: FieldPath, source: str) -> Fragment:
    if fragment.origin.source != source or field not in fragment.values:
        return fragment
    values = {path: value for path, value in fragment.values.items() if path != field}
    return dataclasses.replace(fragment, values=values)
