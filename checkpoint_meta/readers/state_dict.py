"""The state dict of a checkpoint: which key holds it, and what its tensors add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.errors import printable
from checkpoint_meta.readers.contents import TensorInfo
from checkpoint_meta.readers.dtypes import ITEM_SIZES
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Call
from checkpoint_meta.readers.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_DICT_KEYS: Final = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
"""Where training scripts put the weights, the usual place first."""

_MODULES: Final = 100_000
"""Modules, parameters and buffers of a pickled module; shared ones are reached more than once."""

_NAME_LENGTH: Final = 1000


class StateDict(NamedTuple):
    """The weights of a checkpoint, and where they lie in it."""

    key: str | None
    """The key at the top; `None` where the whole file is one state dict."""

    tensors: Mapping[str, Tensor]


class Sums(NamedTuple):
    """What the tensors of a state dict add up to, tied ones counted once."""

    elements: int
    size_bytes: int
    by_dtype: Mapping[str, int]


def find_state_dict(top: object) -> StateDict | None:
    """Return the weights in what a checkpoint holds; `None` if there are none."""
    if isinstance(top, Call):
        found = _of_module(top)
        return StateDict(None, found) if found else None
    if not isinstance(top, dict):
        return None
    for key in STATE_DICT_KEYS:
        found = _tensors(top.get(key))
        if found or (key == "state_dict" and isinstance(top.get(key), dict)):
            return StateDict(key, found)
    found = _tensors(top)
    return StateDict(None, found) if 2 * len(found) > len(top) else None


def _tensors(value: object) -> dict[str, Tensor]:
    if isinstance(value, Call):
        return _of_module(value)
    if not isinstance(value, dict):
        return {}
    return {
        key: tensor
        for key, tensor in value.items()
        if isinstance(key, str) and isinstance(tensor, Tensor)
    }


def _of_module(module: Call) -> dict[str, Tensor]:
    """Return what `state_dict()` of a pickled module would hold."""
    found: dict[str, Tensor] = {}
    waiting = [("", module)]
    visited = 0
    while waiting:
        prefix, current = waiting.pop()
        state = current.state if isinstance(current.state, dict) else {}
        parts = _tensors(state.get("_parameters")) | _tensors(state.get("_buffers"))
        found.update((prefix + name, tensor) for name, tensor in parts.items())
        inner = state.get("_modules")
        visited += 1 + len(parts) + (len(inner) if isinstance(inner, dict) else 0)
        if visited > _MODULES or len(prefix) > _NAME_LENGTH:
            raise Fault(f"its module has more than {_MODULES} parts")
        waiting.extend(
            (f"{prefix}{name}.", module)
            for name, module in reversed(inner.items() if isinstance(inner, dict) else ())
            if isinstance(name, str) and isinstance(module, Call)
        )
    return found


def describe_tensors(
    tensors: Mapping[str, Tensor], crcs: Mapping[str, int]
) -> tuple[TensorInfo, ...]:
    """Return what is known of each tensor, in order."""
    return tuple(
        TensorInfo(
            printable(name),
            tensor.shape,
            tensor.dtype,
            tensor.storage.key if tensor.storage else None,
            crcs.get(tensor.storage.key) if tensor.storage else None,
        )
        for name, tensor in tensors.items()
    )


def add_up(tensors: Mapping[str, Tensor]) -> Sums:
    """Count elements and bytes; a view that is there twice counts once."""
    seen: set[tuple[str, int, tuple[int, ...]]] = set()
    by_dtype: dict[str, int] = {}
    for tensor in tensors.values():
        if tensor.storage is not None:
            view = (tensor.storage.key, tensor.offset, tensor.shape)
            if view in seen:
                continue
            seen.add(view)
        by_dtype[tensor.dtype] = by_dtype.get(tensor.dtype, 0) + tensor.count
    size = sum(count * ITEM_SIZES.get(dtype, 0) for dtype, count in by_dtype.items())
    return Sums(sum(by_dtype.values()), size, by_dtype)
