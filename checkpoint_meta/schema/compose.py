"""A resolution as the plain 2.0 document that will be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.schema.fields import nest
from checkpoint_meta.schema.order import in_order
from checkpoint_meta.schema.v2 import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue, Origin
    from checkpoint_meta.resolve import Resolution


def compose_document(
    resolution: Resolution,
    *,
    checkpoint_path: str,
    checkpoint: Mapping[str, JSONValue],
    written_by: Mapping[str, JSONValue],
) -> dict[str, JSONValue]:
    """Return the document: resolved values, what lies beside it, and where each value came from.

    `checkpoint_path` is relative to the sidecar's own folder. A field that has no value (`None`)
    is left out.
    """
    known = {path: value for path, value in resolution.values.items() if value is not None}
    document = nest(known)
    document["schema_version"] = SCHEMA_VERSION
    document["checkpoint_path"] = checkpoint_path
    document["checkpoint"] = {key: value for key, value in checkpoint.items() if value is not None}
    document["written_by"] = dict(written_by)
    document["provenance"] = provenance_lines(
        {path: origin for path, origin in resolution.provenance.items() if path in known}
    )
    return in_order(document)


def provenance_lines(provenance: Mapping[FieldPath, Origin]) -> list[JSONValue]:
    """Return one line for each source and place, with the fields that it gave."""
    fields: dict[Origin, list[JSONValue]] = {}
    for path, origin in provenance.items():
        fields.setdefault(origin, []).append(".".join(path))
    return [
        {"source": origin.source, "location": origin.location, "fields": names}
        for origin, names in fields.items()
    ]
