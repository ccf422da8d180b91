"""What a valid sidecar says, as a catalog takes it: thousands of them, much of it over and over."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from checkpoint_meta.catalog.row import Record, is_light, light, shape_of
from checkpoint_meta.catalog.said import Said
from checkpoint_meta.catalog.templates import Templates
from checkpoint_meta.errors import DocumentError
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, parse_yaml, read_text
from checkpoint_meta.readers.yaml_blocks import BlockReader
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.sure import required_keys, sure_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

    Document = dict[str, JSONValue]


class Described(NamedTuple):
    """A document that is valid in its own version, and its values by field."""

    parts: Mapping[str, Said]
    """By the keys of the document."""

    values: Record
    """Those that lists show, or all of them."""

    def get(self, key: str) -> JSONValue:
        """Return what the document has under a key of its own, `None` where it has none."""
        return self.parts[key].value if key in self.parts else None

    @property
    def document(self) -> Document:
        """Return the whole; it shares its parts with others: nobody may change them."""
        return {key: said.value for key, said in self.parts.items()}


def read_described(path: str, *, whole: bool) -> Described:
    """Return what a sidecar says that is valid in its own version; `whole`: in every field.

    Raises:
        ReadError: if it cannot be read.
        DocumentError: with every reason why it is not valid.
    """
    text = read_text(path, SIDECAR_BYTES)
    return _by_blocks(text, whole=whole) or _as_a_whole(text, path, whole=whole)


def _by_blocks(text: str, *, whole: bool) -> Described | None:
    """Return what the text says if it is plain and surely valid, as nearly every one is."""
    blocks = _reader(whole).read(text)
    if blocks is None or not blocks.keys() >= required_keys():
        return None
    fields: list[FieldPath] = []
    cells: list[JSONValue] = []
    for _, shown, values, _ in blocks.values():
        if shown:
            fields += shown
            cells += values
    return Described(blocks, Record(shape_of(tuple(fields)), tuple(cells)))


@lru_cache(maxsize=2)
def _reader(whole: bool) -> BlockReader[Said]:  # noqa: FBT001 - a key of the cache
    def make(block: dict[str, object]) -> Said | None:
        flat = sure_values(block)
        if flat is None:
            return None
        if not whole:
            flat = {field: flat[field] for field in flat if is_light(field)}
        # What has sure values is a plain one.
        (value,) = cast("dict[str, JSONValue]", block).values()
        return Said(value, tuple(flat), tuple(flat.values()))

    return BlockReader(make, Templates(make).fill)


def _as_a_whole(text: str, path: str, *, whole: bool) -> Described:
    # Imported here, with what judges and writes sidecars: most are plain and valid.
    from checkpoint_meta.schema.document import check_document
    from checkpoint_meta.store import as_sidecar

    document = as_sidecar(parse_yaml(text, Path(path)), path)
    problems = [problem for problem in check_document(document) if problem.code != "CM108"]
    if problems:
        raise DocumentError(problems, Path(path))
    parts = {key: Said(value) for key, value in document.items()}
    flat = flatten(document if whole else light(document))
    return Described(parts, Record.of(flat, whole=whole))
