"""What one block of a sidecar says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from checkpoint_meta.readers.yaml import parse_yaml

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue


class Said(NamedTuple):
    """A key of a document, and the values at and below it."""

    parsed: JSONValue
    fields: tuple[FieldPath, ...] = ()
    cells: tuple[JSONValue, ...] = ()
    unparsed: str | None = None
    """The block, where only its numbers were read."""

    @property
    def value(self) -> JSONValue:
        """Return what stands under its key."""
        if self.unparsed is None:
            return self.parsed
        block = cast("dict[str, JSONValue]", parse_yaml(self.unparsed, Path("sidecar")))
        return next(iter(block.values()))
