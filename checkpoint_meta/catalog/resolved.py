"""What is true of a checkpoint by all sources, where its sidecar does not settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.watched import watched_places
from checkpoint_meta.claims import Claims, gather, resolve_claims
from checkpoint_meta.faults import guarded
from checkpoint_meta.sources.current import KEPT
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.sidecar import SidecarSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.catalog.row import Watched
    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.sources.current import CurrentSidecar


class Resolved(NamedTuple):
    """The values in the order of trust."""

    values: Mapping[FieldPath, JSONValue]
    problems: tuple[str, ...]
    """Why the checkpoint cannot be read, or not to its end."""

    watched: tuple[Watched, ...]


def resolve_all(
    checkpoint: CheckpointFile, reading: Reading, current: CurrentSidecar | None = None
) -> Resolved:
    """Resolve what all sources say, beside what the sidecar that stands there still says."""
    claims, fault = guarded(lambda: gather(checkpoint, reading.sources))
    cut = claims is not None and read_contents(checkpoint).incomplete
    if claims is None:
        claims = _by_older_sidecar(checkpoint)
    standing: tuple[Fragment, ...] = tuple(current.fragments()) if current else ()
    every = Claims((*claims.fragments, *standing), claims.notes)
    resolution = resolve_claims(every, _order(reading.precedence))
    values = {field: value for field, value in resolution.values.items() if value is not None}
    places = {origin.location for origin in resolution.provenance.values()}
    problems = tuple(reason for reason in (fault, "cut off" if cut else None) if reason)
    return Resolved(values, problems, watched_places(checkpoint, places))


def _by_older_sidecar(checkpoint: CheckpointFile) -> Claims:
    """Return what a sidecar says of a checkpoint that cannot be read."""
    claims, _ = guarded(lambda: gather(checkpoint, [SidecarSource()]))
    return claims or Claims(())


def _order(precedence: Sequence[str]) -> tuple[str, ...]:
    """Return the precedence with what a sidecar says: it is completed, not doubted."""
    return ("pinned", KEPT, *(name for name in precedence if name != "pinned"))
