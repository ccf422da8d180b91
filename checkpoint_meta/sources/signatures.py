"""Rules that tell a model's parts by its state dict; data that users can extend in YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from checkpoint_meta.errors import SettingError
from checkpoint_meta.readers.yaml import parse_yaml, read_yaml
from checkpoint_meta.sources.marks import mark_of

if TYPE_CHECKING:
    from pydantic import ConfigDict

BUILT_IN: Final = "ocr.yaml"


class _Entry:
    """What pydantic is to know of an entry of a user's own table."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}


@dataclass(frozen=True)
class EncoderSignature(_Entry):
    """An encoder told by its size; the pair is unique among those of the table."""

    tensors: int
    """Tensors below `encoder.`."""

    params: int
    """Elements of the parameters below `encoder.`, buffers left out."""


@dataclass(frozen=True)
class PartSignature(_Entry):
    """A decoder or head told by the names of its tensors."""

    name: str
    has: list[str]
    """Patterns with `*`; each must match a tensor's name."""

    channels: dict[str, str] = field(default_factory=dict)
    """Field -> `tensor[axis]`; a `{i}` in the tensor's name makes a list."""


@dataclass(frozen=True)
class ArchitectureSignature(_Entry):
    """An architecture told by its parts; a part that is not named may be any."""

    name: str
    decoder: str | None = None
    head: str | None = None


@dataclass(frozen=True)
class Signatures(_Entry):
    """The whole table."""

    aliases: dict[str, str] = field(default_factory=dict)
    encoders: dict[str, EncoderSignature] = field(default_factory=dict)
    decoders: list[PartSignature] = field(default_factory=list)
    heads: list[PartSignature] = field(default_factory=list)
    architectures: list[ArchitectureSignature] = field(default_factory=list)

    def extended(self, own: Signatures) -> Signatures:
        """Return the table with rules of a user's own, which come first."""
        # `own.encoders` twice: for the first places, and for the last word on a name of both.
        return Signatures(
            aliases={**self.aliases, **own.aliases},
            encoders={**own.encoders, **self.encoders, **own.encoders},
            decoders=[*own.decoders, *self.decoders],
            heads=[*own.heads, *self.heads],
            architectures=[*own.architectures, *self.architectures],
        )


def load_signatures(own: Path | None = None) -> Signatures:
    """Return the built-in table, `configs/signatures/ocr.yaml`, with the rules in a user's file.

    Raises:
        ReadError: if that file cannot be read, or is not YAML.
        SettingError: if it is no such table.
    """
    return _load(own, mark_of([own]) if own else "")


@lru_cache(maxsize=4)
def _load(own: Path | None, _mark: str) -> Signatures:
    built_in = _read_built_in()
    return built_in if own is None else built_in.extended(_read_own(own))


def _read_built_in() -> Signatures:
    """Return our own table; a test holds it to what is asked of a user's."""
    file = files("checkpoint_meta.configs") / "signatures" / BUILT_IN
    table: Any = parse_yaml(file.read_text(encoding="utf-8"), Path(str(file)))
    return Signatures(
        aliases=table["aliases"],
        encoders={name: EncoderSignature(**entry) for name, entry in table["encoders"].items()},
        decoders=[PartSignature(**entry) for entry in table["decoders"]],
        heads=[PartSignature(**entry) for entry in table["heads"]],
        architectures=[ArchitectureSignature(**entry) for entry in table["architectures"]],
    )


def _read_own(file: Path) -> Signatures:
    # Imported here: only a user's own file is judged, and pydantic takes 4 MB.
    from pydantic import TypeAdapter, ValidationError

    content = read_yaml(file)
    try:
        return TypeAdapter(Signatures).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        reason = _REASONS.get(first["type"], first["msg"].lower())
        raise SettingError(file, place, reason) from error


_REASONS: Final = {
    "dataclass_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "list_type": "expected a list",
    "missing": "missing",
    "string_type": "expected a text",
    "unexpected_keyword_argument": "no such key",
}
"""pydantic's kind of error -> what it says to somebody who writes YAML."""
