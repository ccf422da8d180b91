"""safetensors: the length of a JSON header, the header, and then the tensors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.contents import CheckpointContents, TensorInfo
from checkpoint_meta.readers.dtypes import SAFETENSORS_DTYPES
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.limits import HEADER_BYTES
from checkpoint_meta.readers.plain import View
from checkpoint_meta.readers.state_dict import add_up
from checkpoint_meta.readers.tensors import Tensor, is_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.stream import Ranges

_LENGTH: Final = 8
"""Bytes of the header's length, before the header."""

_NOTES: Final = "__metadata__"


def read_safetensors(ranges: Ranges) -> CheckpointContents:
    """Return names, shapes and dtypes, and the notes in the header."""
    size = int.from_bytes(ranges.exactly(0, _LENGTH), "little")
    if size > HEADER_BYTES:
        raise Fault(f"its header is larger than {HEADER_BYTES >> 20} MiB")
    header = _parse(ranges.exactly(_LENGTH, size))
    notes = header.pop(_NOTES, {})
    read = {name: _tensor(name, entry) for name, entry in header.items()}
    tensors = {name: tensor for name, (tensor, _) in read.items()}
    sums = add_up(tensors)
    incomplete = _LENGTH + size + max((end for _, end in read.values()), default=0) > ranges.size
    return CheckpointContents(
        format="safetensors",
        size_bytes=ranges.size,
        mtime_ns=0,
        incomplete=incomplete,
        custom=_plain(notes),
        weights_only=True,
        tensors=tuple(TensorInfo(name, t.shape, t.dtype) for name, t in tensors.items()),
        parameter_count=sums.elements,
        parameter_bytes=sums.size_bytes,
        dtypes=sums.by_dtype,
        problems=("the file is cut off",) if incomplete else (),
    )


def _parse(text: bytes) -> dict[str, object]:
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise Fault("its header is nested too deeply") from error
    except ValueError as error:
        raise Fault(f"its header is not valid JSON ({error})") from error
    if not isinstance(header, dict):
        raise Fault("its header is not a JSON object")
    return header


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Fault("its header has the same name twice")
    return made


def _tensor(name: str, entry: object) -> tuple[Tensor, int]:
    """Return a tensor, and where its data ends."""
    match entry:
        case {"dtype": str(code), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            sizes = tuple(shape)
            if is_sizes(sizes) and 0 <= start <= end:
                return Tensor(SAFETENSORS_DTYPES.get(code, code.lower()), sizes, None), end
    raise Fault(f"its header is wrong about {name!r}")


def _plain(notes: object) -> Mapping[str, JSONValue]:
    made: dict[str, JSONValue] = {}
    View().section(made, _NOTES, notes)
    plain = made[_NOTES]
    return plain if isinstance(plain, dict) else {}
