"""What the weights say the model is; configurations often name one that was not built."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.sources.interface import location_of
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.signatures import load_signatures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import TensorInfo
    from checkpoint_meta.sources.signatures import PartSignature, Signatures

Shapes = dict[str, tuple[int, ...]]

_BUFFERS: Final = ("running_mean", "running_var", "num_batches_tracked")
_WILD: Final = re.compile(r"[*?\[]")
_CHANNEL: Final = re.compile(r"(.+)\[(\d)\]")


class StateDictSource:
    """The names and shapes of the checkpoint's tensors."""

    name: ClassVar[str] = "checkpoint"

    def __init__(self, signatures: Path | None = None) -> None:
        self._signatures = signatures

    def mark(self, _: CheckpointFile) -> str:
        """Return a mark of the rules that are a user's own."""
        return mark_of((self._signatures,) if self._signatures else ())

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment where a rule of the table fits.

        Raises:
            ReadError: if the file is no checkpoint.
        """
        tensors = read_contents(checkpoint).tensors
        values = recognise(tensors, load_signatures(self._signatures))
        if values:
            location = f"{location_of(checkpoint.path, checkpoint)}#state_dict"
            yield Fragment(Origin(self.name, location), values)


def recognise(tensors: Sequence[TensorInfo], signatures: Signatures) -> dict[FieldPath, JSONValue]:
    """Return what the rules tell of a state dict; what no rule tells is not there."""
    shapes = {tensor.name.removeprefix("model."): tensor.shape for tensor in tensors}
    values: dict[FieldPath, JSONValue] = {}
    encoder = _encoder(shapes, signatures)
    if encoder:
        values["model", "encoder", "model_name"] = encoder
    names = sorted(shapes)
    for part, candidates in (("decoder", signatures.decoders), ("head", signatures.heads)):
        found = next((rule for rule in candidates if _fits(rule, names)), None)
        if found:
            values["model", part, "name"] = found.name
            values |= _channels(found, part, shapes)
    architecture = _architecture(values, signatures)
    if architecture:
        values["model", "architecture"] = architecture
    return values


def _encoder(shapes: Shapes, signatures: Signatures) -> str | None:
    own = {name: shape for name, shape in shapes.items() if name.startswith("encoder.")}
    params = sum(math.prod(shape) for name, shape in own.items() if not name.endswith(_BUFFERS))
    size = (len(own), params)
    return next(
        (
            name
            for name, signature in signatures.encoders.items()
            if (signature.tensors, signature.params) == size
        ),
        None,
    )


def _fits(rule: PartSignature, names: Sequence[str]) -> bool:
    return all(_has_match(names, pattern) for pattern in rule.has)


def _has_match(names: Sequence[str], pattern: str) -> bool:
    """Tell whether any of the sorted `names` matches; only those with its beginning are tried."""
    beginning = _WILD.split(pattern, maxsplit=1)[0]
    for place in range(bisect_left(names, beginning), len(names)):
        if not names[place].startswith(beginning):
            return False
        if fnmatchcase(names[place], pattern):
            return True
    return False


def _channels(rule: PartSignature, part: str, shapes: Shapes) -> dict[FieldPath, JSONValue]:
    found: dict[FieldPath, JSONValue] = {}
    for field, expression in rule.channels.items():
        value = _evaluate(expression, shapes)
        if value is not None and value != []:
            found["model", part, field] = value
    return found


def _evaluate(expression: str, shapes: Shapes) -> JSONValue:
    match = _CHANNEL.fullmatch(expression)
    if match is None:
        return None
    tensor, axis = match[1], int(match[2])
    if "{i}" not in tensor:
        return _size(shapes.get(tensor), axis)
    sizes: list[JSONValue] = []
    for place in count():
        size = _size(shapes.get(tensor.replace("{i}", str(place))), axis)
        if size is None:
            return sizes
        sizes.append(size)
    return sizes


def _size(shape: tuple[int, ...] | None, axis: int) -> int | None:
    return shape[axis] if shape is not None and axis < len(shape) else None


def _architecture(values: Mapping[FieldPath, JSONValue], signatures: Signatures) -> str | None:
    decoder, head = values.get(("model", "decoder", "name")), values.get(("model", "head", "name"))
    for rule in signatures.architectures:
        if rule.decoder in (None, decoder) and rule.head in (None, head):
            return rule.name
    return None
