"""Whether anything is new beside a checkpoint: what was seen of each source, and taken from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.identity import stamp_of
from checkpoint_meta.rewriting import is_same
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue, Origin
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.resolve import Resolution
    from checkpoint_meta.schema.compose import Stamp
    from checkpoint_meta.sources.current import CurrentSidecar

Stamps: TypeAlias = "dict[tuple[Origin, FieldPath], Stamp | None]"
"""Claim -> size and time of the file that it was read from."""


def news(document: Mapping[str, JSONValue], marks: Mapping[str, str]) -> list[str]:
    """Return the sources that have something to read which the sidecar's writer had not seen.

    `marks` are those of the sources, as `marks_of` returns them now.
    """
    seen = seen_by(document)
    return [source for source, mark in marks.items() if seen.get(source) != mark]


def seen_by(document: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the marks of the sources that this very version of the tool has asked."""
    if look_up(document, ("written_by", "version")) != VERSION:
        return {}
    seen = look_up(document, ("written_by", "seen"))
    return seen if isinstance(seen, dict) else {}


def without_marks(document: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the document as it is apart from what was seen."""
    writer = document.get("written_by")
    if not isinstance(writer, dict):
        return dict(document)
    return {**document, "written_by": {key: writer[key] for key in writer if key != "seen"}}


def with_former_writer(
    document: dict[str, JSONValue], former: Mapping[str, JSONValue]
) -> dict[str, JSONValue]:
    """Return the document as the former one's writer's, if it says just what that one says.

    What the callback wrote stays its work where nothing was added but what was seen.
    """
    writer, before = document["written_by"], former.get("written_by")
    if not isinstance(writer, dict) or not isinstance(before, dict) or "how" not in before:
        return document
    if not is_same({**document, "written_by": None}, {**former, "written_by": None}):
        return document
    return {**document, "written_by": {**writer, "how": before["how"]}}


def stamps_behind(fragments: Iterable[Fragment], checkpoint: CheckpointFile) -> Stamps:
    """Return size and time of the file behind each claim; the checkpoint has its own block."""
    folder = checkpoint.sidecar.parent
    found: dict[Origin, Stamp | None] = {}
    claims: Stamps = {}
    for fragment in fragments:
        origin = fragment.origin
        if origin not in found:
            file = folder / origin.location
            is_own = not origin.location or file in (checkpoint.path, checkpoint.sidecar)
            found[origin] = None if is_own else stamp_of(file)
        claims |= dict.fromkeys(((origin, field) for field in fragment.values), found[origin])
    return claims


def stamps_of_values(
    resolution: Resolution, claims: Stamps, current: CurrentSidecar | None
) -> dict[FieldPath, Stamp]:
    """Return the stamp of the file that each value was taken from, now or at an earlier time.

    A value that is kept was not read again: it keeps the stamp that it had, or has none.
    """
    former = current.stamps if current else {}
    stamps = {
        field: claims.get((origin, field), former.get(field))
        for field, origin in resolution.provenance.items()
        if origin.source != "pinned"
    }
    return {field: stamp for field, stamp in stamps.items() if stamp}
