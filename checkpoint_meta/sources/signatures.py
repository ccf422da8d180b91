"""Rules that tell a model's parts by its state dict; data that users can extend in YAML."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from checkpoint_meta.errors import SettingError
from checkpoint_meta.readers.yaml import parse_yaml, read_yaml
from checkpoint_meta.sources.marks import mark_of

BUILT_IN: Final = "ocr.yaml"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderSignature(_Entry):
    """An encoder told by its size; the pair is unique among those of the table."""

    tensors: int
    """Tensors below `encoder.`."""

    params: int
    """Elements of the parameters below `encoder.`, buffers left out."""


class PartSignature(_Entry):
    """A decoder or head told by the names of its tensors."""

    name: str
    has: list[str]
    """Patterns with `*`; each must match a tensor's name."""

    channels: dict[str, str] = Field(default_factory=dict)
    """Field -> `tensor[axis]`; a `{i}` in the tensor's name makes a list."""


class ArchitectureSignature(_Entry):
    """An architecture told by its parts; a part that is not named may be any."""

    name: str
    decoder: str | None = None
    head: str | None = None


class Signatures(_Entry):
    """The whole table."""

    aliases: dict[str, str] = Field(default_factory=dict)
    encoders: dict[str, EncoderSignature] = Field(default_factory=dict)
    decoders: list[PartSignature] = Field(default_factory=list)
    heads: list[PartSignature] = Field(default_factory=list)
    architectures: list[ArchitectureSignature] = Field(default_factory=list)

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
    file = files("checkpoint_meta.configs") / "signatures" / BUILT_IN
    text = file.read_text(encoding="utf-8")
    built_in = Signatures.model_validate(parse_yaml(text, Path(str(file))))
    return built_in if own is None else built_in.extended(_read_own(own))


def _read_own(file: Path) -> Signatures:
    content = read_yaml(file)
    try:
        return Signatures.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise SettingError(file, place, first["msg"].lower()) from error
