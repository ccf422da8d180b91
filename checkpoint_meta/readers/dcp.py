"""`.metadata` of torch's distributed checkpoints: one pickle that names every tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.contents import CheckpointContents
from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.inert import Call
from checkpoint_meta.readers.state_dict import add_up, describe_tensors
from checkpoint_meta.readers.tensors import Tensor, dtype_name, is_sizes
from checkpoint_meta.readers.window import unpickle_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.stream import Ranges

_WEIGHTS: Final = ("state_dict.", "model.", "app.model.", "module.")
"""What precedes the names of weights: ModelParallel's and FSDP's way, then common ones."""

_OPTIMIZER: Final = ("optim", "app.optim", "state.")


def read_dcp(ranges: Ranges) -> CheckpointContents:
    """Return names, shapes and dtypes of the weights; their shards stay closed."""
    unpickled = unpickle_from(ranges, 0)
    cut_off = isinstance(unpickled.fault, CutOff)
    if unpickled.fault and not cut_off:
        raise unpickled.fault.having_seen(unpickled.globals)
    entries = _entries(unpickled.value)
    if entries is None and not cut_off:
        raise Fault("a pickle, but no metadata of a distributed checkpoint").having_seen(
            unpickled.globals
        )
    described = {name: _tensor(entry) for name, entry in (entries or {}).items()}
    tensors = _weights({name: tensor for name, tensor in described.items() if tensor})
    sums = add_up(tensors)
    return CheckpointContents(
        format="dcp",
        size_bytes=ranges.size,
        mtime_ns=ranges.mtime_ns,
        incomplete=cut_off,
        weights_only=None if cut_off else not any(map(_is_optimizer, described)),
        tensors=describe_tensors(tensors, {}),
        parameter_count=sums.elements,
        parameter_bytes=sums.size_bytes,
        dtypes=sums.by_dtype,
        globals=unpickled.globals,
        problems=(".metadata is cut off",) if cut_off else (),
    )


def _entries(value: object) -> dict[str, object] | None:
    match value:
        case Call(state={"state_dict_metadata": dict(entries)}):
            return {name: entry for name, entry in entries.items() if isinstance(name, str)}
    return None


def _tensor(entry: object) -> Tensor | None:
    """Return a tensor by its metadata; `None` for what is not a tensor."""
    match entry:
        case Call(state={"properties": Call(state=(kind, *_)), "size": shape}) if is_sizes(shape):
            return Tensor(dtype_name(kind) or "unknown", shape, None)
        case Call(state={"properties": Call(state={"dtype": kind}), "size": shape}):
            if is_sizes(shape):
                return Tensor(dtype_name(kind) or "unknown", shape, None)
    return None


def _is_optimizer(name: str) -> bool:
    return name.startswith(_OPTIMIZER)


def _weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the model, by their names in its state dict."""
    for prefix in _WEIGHTS:
        found = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        if found:
            return found
    return {name: tensor for name, tensor in tensors.items() if not _is_optimizer(name)}
