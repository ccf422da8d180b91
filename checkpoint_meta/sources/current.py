"""A 2.0 sidecar that stands there: what of it still holds, and what a person put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.schema.fields import flatten, look_up
from checkpoint_meta.schema.v2 import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

KEPT: Final = "kept"
"""Origin of what a 2.0 sidecar says already; it gets its old provenance back when written."""

STAMPED: Final = frozenset(
    {
        "schema_version",
        "checkpoint_path",
        "checkpoint",
        "written_by",
        "provenance",
        "upgraded_from",
    }
)
"""Keys that are written afresh each time."""


@dataclass(frozen=True, slots=True)
class CurrentSidecar:
    """A 2.0 document, and whether it describes the checkpoint that lies beside it now."""

    document: Mapping[str, JSONValue]
    holds: bool
    """The checkpoint is still the one that was described."""

    @property
    def is_legacy(self) -> bool:
        """Tell whether an older tool wrote it: its values are a source's, not ours to keep."""
        return "written_by" not in self.document and "upgraded_from" in self.document

    @property
    def pinned(self) -> frozenset[FieldPath]:
        """Return the fields that a person has set for good."""
        names = self.document.get("pinned")
        given = names if isinstance(names, list) else []
        return frozenset(tuple(str(name).split(".")) for name in given)

    @property
    def provenance(self) -> dict[FieldPath, Origin]:
        """Return where each value came from, as far as the sidecar says."""
        found: dict[FieldPath, Origin] = {}
        lines = self.document.get("provenance")
        fields = flatten(self.document)
        by_name = {".".join(field): field for field in fields}
        for line in lines if isinstance(lines, list) else []:
            source, location = look_up_line(line, "source"), look_up_line(line, "location")
            names = line.get("fields") if isinstance(line, dict) else None
            for name in names if isinstance(names, list) else []:
                if str(name) in by_name:
                    found[by_name[str(name)]] = Origin(source, location)
        return found

    def fragments(self) -> Iterator[Fragment]:
        """Yield what is pinned, what training wrote, and the rest as `kept`.

        Of a sidecar that describes another checkpoint only what a person put there is left:
        pins, and keys that the schema does not know.
        """
        provenance = self.provenance
        parts: dict[Origin, dict[FieldPath, JSONValue]] = {}
        for field, value in flatten(self.document).items():
            origin = self._origin(field, provenance.get(field))
            if field[0] not in STAMPED and origin is not None:
                parts.setdefault(origin, {})[field] = value
        for origin, values in parts.items():
            yield Fragment(origin, values)

    def _origin(self, field: FieldPath, origin: Origin | None) -> Origin | None:
        if field in self.pinned:
            return Origin("pinned", "")
        stays = self.holds and not self.is_legacy
        if stays and origin is not None and origin.source == "training":
            return origin
        if stays or field[0] not in CheckpointMetadata.model_fields or field == ("pinned",):
            return Origin(KEPT, "")
        return None


def look_up_line(line: JSONValue, key: str) -> str:
    """Return a text of a provenance line, empty where it has none."""
    value = look_up(line, (key,)) if isinstance(line, dict) else None
    return value if isinstance(value, str) else ""
