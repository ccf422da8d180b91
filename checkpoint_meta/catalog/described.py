"""What a valid sidecar says, as a catalog takes it: thousands of them, much of it over and over."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from checkpoint_meta.catalog.row import Record, is_light, light, shape_of
from checkpoint_meta.errors import DocumentError
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, parse_yaml, read_text
from checkpoint_meta.readers.yaml_blocks import BlockReader
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.shape import is_surely_field, required_fields
from checkpoint_meta.store import as_sidecar

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue

    Document = dict[str, JSONValue]


class Described(NamedTuple):
    """A document that is valid in its own version, and its values by field."""

    document: Document
    """Shares its parts with other documents: nobody may change it."""

    values: Record
    """Those that lists show, or all of them."""


class _Field(NamedTuple):
    """A key of a document, and the values below it."""

    value: JSONValue
    fields: tuple[FieldPath, ...]
    cells: tuple[JSONValue, ...]


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
    if blocks is None:
        return None
    document: Document = {}
    fields: list[FieldPath] = []
    cells: list[JSONValue] = []
    for key, made in blocks:
        document[key] = made.value
        fields += made.fields
        cells += made.cells
    if not required_fields() <= document.keys():
        return None
    return Described(document, Record(shape_of(tuple(fields)), tuple(cells)))


@lru_cache(maxsize=2)
def _reader(whole: bool) -> BlockReader[_Field]:  # noqa: FBT001 - a key of the cache
    def make(key: str, value: object) -> _Field | None:
        if not is_surely_field(key, value):
            return None
        # What is surely a field is a plain value.
        plain = cast("JSONValue", value)
        flat = flatten({key: plain})
        fields = tuple(flat if whole else filter(is_light, flat))
        return _Field(plain, fields, tuple(flat[field] for field in fields))

    return BlockReader(make)


def _as_a_whole(text: str, path: str, *, whole: bool) -> Described:
    document = as_sidecar(parse_yaml(text, Path(path)), path)
    problems = [problem for problem in check_document(document) if problem.code != "CM108"]
    if problems:
        raise DocumentError(problems, Path(path))
    return Described(
        document, Record.of(flatten(document if whole else light(document)), whole=whole)
    )
