"""DeepSpeed's folders: the model states of the first rank tell everything but the shards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.contents import TensorInfo
from checkpoint_meta.readers.formats import read_file
from checkpoint_meta.readers.opening import steady
from checkpoint_meta.readers.state_dict import add_up
from checkpoint_meta.readers.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.contents import CheckpointContents

_LATEST: Final = "latest"
_MODEL_STATES: Final = "model_states.pt"
_TAG_BYTES: Final = 256
_UNKNOWN: Final = "unknown"


def read_deepspeed(path: Path, files: Collection[Path]) -> CheckpointContents:
    """Return what the model states of the first rank say.

    Raises:
        ReadError: if there are none, or they are broken.
    """
    states = sorted(file for file in files if file.name.endswith(_MODEL_STATES))
    if not states:
        raise ReadError(path, "a folder, but not a checkpoint in parts")
    if path / _LATEST in files:
        tag = _read_tag(path / _LATEST)
        states = [file for file in states if file.parent.name == tag] or states
    contents = read_file(states[0])
    return replace(_with_shapes(contents), format="deepspeed")


def _read_tag(path: Path) -> str:
    """Return the name of the folder that was written last."""
    with steady(path) as ranges:
        return ranges.read(0, _TAG_BYTES).decode().strip()


def _with_shapes(contents: CheckpointContents) -> CheckpointContents:
    """Take shapes from `param_shapes`: from stage 3 on the tensors themselves are empty."""
    shapes = _shapes(contents.custom.get("param_shapes"))
    if not shapes:
        return contents
    tensors = tuple(
        tensor._replace(shape=shapes.get(tensor.name, tensor.shape))
        for tensor in contents.tensors or [TensorInfo(name, (), _UNKNOWN) for name in shapes]
    )
    sums = add_up({tensor.name: Tensor(tensor.dtype, tensor.shape, None) for tensor in tensors})
    return replace(
        contents,
        tensors=tensors,
        parameter_count=sums.elements,
        parameter_bytes=sums.size_bytes,
        dtypes=sums.by_dtype,
    )


def _shapes(groups: JSONValue) -> dict[str, tuple[int, ...]]:
    """Return shapes by name, from one list of them for each group of parameters."""
    return {
        name: tuple(size for size in shape if isinstance(size, int))
        for group in (groups if isinstance(groups, list) else [])
        if isinstance(group, dict)
        for name, shape in group.items()
        if isinstance(shape, list)
    }
