"""A resolution as the plain 2.0 document that will be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.resolve import PRECEDENCE
from checkpoint_meta.schema.fields import flatten, nest
from checkpoint_meta.schema.order import in_order
from checkpoint_meta.schema.versions import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue, Origin
    from checkpoint_meta.resolve import Resolution


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of a file, by which a later run tells whether it has changed."""

    size_bytes: int
    mtime_ns: int


def recorded_stamp(block: JSONValue) -> Stamp | None:
    """Return the size and time that a block of a sidecar records, `None` if it does not."""
    if not isinstance(block, dict):
        return None
    size, time = block.get("size_bytes"), block.get("mtime_ns")
    return Stamp(size, time) if isinstance(size, int) and isinstance(time, int) else None


def compose_document(
    resolution: Resolution,
    *,
    checkpoint_path: str,
    checkpoint: Mapping[str, JSONValue],
    written_by: Mapping[str, JSONValue],
    stamps: Mapping[FieldPath, Stamp] | None = None,
) -> dict[str, JSONValue]:
    """Return the document: resolved values, what lies beside it, and where each value came from.

    `checkpoint_path` is relative to the sidecar's own folder. `stamps` are those of the files
    that values were taken from, by field. A field that has no value (`None`) is left out.
    """
    known = {path: value for path, value in resolution.values.items() if value is not None}
    document = nest(known)
    document["schema_version"] = SCHEMA_VERSION
    document["checkpoint_path"] = checkpoint_path
    document["checkpoint"] = {key: value for key, value in checkpoint.items() if value is not None}
    document["written_by"] = dict(written_by)
    ordered = in_order(document)
    # In the document's own order, so that the next run writes the very same lines.
    provenance = {
        path: resolution.provenance[path]
        for path in flatten(ordered)
        if path in known and path in resolution.provenance
    }
    ordered["provenance"] = _provenance_lines(provenance, stamps or {})
    return in_order(ordered)


_Taken: TypeAlias = "tuple[Origin, Stamp | None]"


def _provenance_lines(
    provenance: Mapping[FieldPath, Origin], stamps: Mapping[FieldPath, Stamp]
) -> list[JSONValue]:
    """Return one line for each file as it was once, with the fields that it gave."""
    fields: dict[_Taken, list[JSONValue]] = {}
    for path, origin in provenance.items():
        fields.setdefault((origin, stamps.get(path)), []).append(".".join(path))
    return [
        {"source": origin.source}
        | ({"location": origin.location} if origin.location else {})
        | _stamp(stamp)
        | {"fields": names}
        for (origin, stamp), names in sorted(fields.items(), key=lambda line: _rank(*line[0]))
    ]


def _rank(origin: Origin, stamp: Stamp | None) -> tuple[int, str, str, int]:
    source, location = origin.source, origin.location
    rank = PRECEDENCE.index(source) if source in PRECEDENCE else len(PRECEDENCE)
    return rank, source, location, stamp.mtime_ns if stamp else 0


def _stamp(stamp: Stamp | None) -> dict[str, JSONValue]:
    return {"size_bytes": stamp.size_bytes, "mtime_ns": stamp.mtime_ns} if stamp else {}
