"""What a valid sidecar says, as a catalog takes it: thousands of them, much of it over and over."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from checkpoint_meta.catalog.row import Record, has_light, is_light, light, shape_of
from checkpoint_meta.errors import DocumentError
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, parse_yaml, read_text
from checkpoint_meta.readers.yaml_blocks import BlockReader
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.shape import is_surely_field, required_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

    Document = dict[str, JSONValue]


class _Field(NamedTuple):
    """A key of a document, and the values below it."""

    value: JSONValue
    fields: tuple[FieldPath, ...] = ()
    cells: tuple[JSONValue, ...] = ()


class Described(NamedTuple):
    """A document that is valid in its own version, and its values by field."""

    fields: Mapping[str, _Field]
    """By the keys of the document."""

    values: Record
    """Those that lists show, or all of them."""

    def get(self, key: str) -> JSONValue:
        """Return what the document has under a key of its own, `None` where it has none."""
        return self.fields[key].value if key in self.fields else None

    @property
    def document(self) -> Document:
        """Return the whole; it shares its parts with others: nobody may change them."""
        return {key: field.value for key, field in self.fields.items()}


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
    if not blocks.keys() >= required_fields():
        return None
    fields = tuple(chain.from_iterable(map(_FIELDS, blocks.values())))
    cells = tuple(chain.from_iterable(map(_CELLS, blocks.values())))
    return Described(blocks, Record(shape_of(fields), cells))


_FIELDS: Final = attrgetter("fields")
_CELLS: Final = attrgetter("cells")


@lru_cache(maxsize=2)
def _reader(whole: bool) -> BlockReader[_Field]:  # noqa: FBT001 - a key of the cache
    def make(key: str, value: object) -> _Field | None:
        if not is_surely_field(key, value):
            return None
        # What is surely a field is a plain value.
        plain = cast("JSONValue", value)
        if not (whole or has_light(key)):
            return _Field(plain)
        flat = flatten({key: plain})
        if not whole:
            flat = {field: flat[field] for field in flat if is_light(field)}
        return _Field(plain, tuple(flat), tuple(flat.values()))

    return BlockReader(make)


def _as_a_whole(text: str, path: str, *, whole: bool) -> Described:
    # Imported here, with what judges and writes sidecars: most are plain and valid.
    from checkpoint_meta.schema.document import check_document
    from checkpoint_meta.store import as_sidecar

    document = as_sidecar(parse_yaml(text, Path(path)), path)
    problems = [problem for problem in check_document(document) if problem.code != "CM108"]
    if problems:
        raise DocumentError(problems, Path(path))
    fields = {key: _Field(value) for key, value in document.items()}
    flat = flatten(document if whole else light(document))
    return Described(fields, Record.of(flat, whole=whole))
