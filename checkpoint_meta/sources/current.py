"""A 2.0 sidecar that stands there: what of it still holds, and what a person put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.schema.compose import recorded_stamp
from checkpoint_meta.schema.fields import flatten, look_up
from checkpoint_meta.schema.order import outline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.schema.compose import Stamp

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
    def pinned(self) -> dict[FieldPath, JSONValue]:
        """Return what a person has set for good; a pin may name a block, or a key inside one."""
        names = self.document.get("pinned")
        paths = [
            path
            for name in (names if isinstance(names, list) else [])
            if (path := find_named(self.document, str(name)))
        ]
        return {path: look_up(self.document, path) for path in paths}

    @property
    def provenance(self) -> dict[FieldPath, Origin]:
        """Return where each value came from, as far as the sidecar says."""
        return {field: origin for field, (origin, _) in self._evidence().items()}

    @property
    def stamps(self) -> dict[FieldPath, Stamp]:
        """Return size and time of the file that each value came from, as they were then."""
        return {field: stamp for field, (_, stamp) in self._evidence().items() if stamp}

    def _evidence(self) -> dict[FieldPath, tuple[Origin, Stamp | None]]:
        found: dict[FieldPath, tuple[Origin, Stamp | None]] = {}
        lines = self.document.get("provenance")
        by_name = {".".join(field): field for field in flatten(self.document)}
        for line in lines if isinstance(lines, list) else []:
            origin = Origin(look_up_line(line, "source"), look_up_line(line, "location"))
            names = line.get("fields") if isinstance(line, dict) else None
            for name in names if isinstance(names, list) else []:
                if str(name) in by_name:
                    found[by_name[str(name)]] = origin, recorded_stamp(line)
        return found

    def fragments(self, *, overwrite: bool = False) -> Iterator[Fragment]:
        """Yield what is pinned, and the rest as `kept`.

        With `overwrite`, what training wrote and what an older sidecar said keep their place in
        the order of trust. Of a sidecar that describes another checkpoint only what a person put
        there is left: pins, and keys that the schema does not know.
        """
        provenance, pinned = self.provenance, self.pinned
        parts: dict[Origin, dict[FieldPath, JSONValue]] = {}
        for field, value in flatten(self.document).items():
            if field[0] in STAMPED:
                continue
            if any(field[: len(pin)] == pin for pin in pinned):
                origin: Origin | None = Origin("pinned", "")
            else:
                origin = self._origin(field, provenance.get(field), overwrite=overwrite)
            if origin is not None:
                parts.setdefault(origin, {})[field] = value
        for origin, values in parts.items():
            yield Fragment(origin, values)

    def _origin(self, field: FieldPath, origin: Origin | None, *, overwrite: bool) -> Origin | None:
        stays = self.holds and not self.is_legacy
        own = ("training", "sidecar-1.0") if overwrite else ("training",)
        if stays and origin is not None and origin.source in own:
            return origin
        if stays or field[0] not in outline() or field == ("pinned",):
            return Origin(KEPT, "")
        return None


def find_named(document: Mapping[str, JSONValue], name: str) -> FieldPath:
    """Return the path that a dotted name stands for, empty if for none; keys may have dots."""
    if name in document:
        return (name,)
    for key, value in document.items():
        if isinstance(value, dict) and name.startswith(f"{key}."):
            inner = find_named(value, name.removeprefix(f"{key}."))
            if inner:
                return (key, *inner)
    return ()


def look_up_line(line: JSONValue, key: str) -> str:
    """Return a text of a provenance line, empty where it has none."""
    value = look_up(line, (key,)) if isinstance(line, dict) else None
    return value if isinstance(value, str) else ""
