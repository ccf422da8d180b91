"""What a checkpoint says of itself, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue


class TensorInfo(NamedTuple):
    """One tensor of the state dict; its numbers stay in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """As torch prints it, without `torch.`: `float32`, `bfloat16`, `int64`."""

    storage: str | None = None
    """Key of the storage that holds it; tensors that share one are tied."""

    crc: int | None = None
    """CRC-32 of that storage as the archive records it; not cryptographic."""


@dataclass(frozen=True, slots=True)
class CheckpointContents:
    """Everything but the tensors; what is unknown is `None` or empty."""

    format: str
    """`torch-zip`, `torch-legacy`, `safetensors`, `fsdp`, `dcp` or `deepspeed`."""

    size_bytes: int
    """Of the file, or of all files of a sharded folder."""

    mtime_ns: int
    incomplete: bool = False
    """The file is cut off: what its first part tells is here."""

    epoch: int | None = None
    global_step: int | None = None
    lightning_version: str | None = None
    hyper_parameters: Mapping[str, JSONValue] | None = None
    datamodule_hyper_parameters: Mapping[str, JSONValue] | None = None
    callbacks: Mapping[str, JSONValue] = field(default_factory=dict)
    """State of each callback by its state key; 0-dim tensors are plain numbers."""

    loops: Mapping[str, JSONValue] | None = None
    custom: Mapping[str, JSONValue] = field(default_factory=dict)
    """Other keys at the top, such as `cleval_metrics`."""

    weights_only: bool | None = None
    """No optimizer's state; `None` where the format does not tell."""

    tensors: tuple[TensorInfo, ...] = ()
    """The state dict, in its order."""

    parameter_count: int | None = None
    """Elements of the state dict, each storage counted once where tensors are tied."""

    parameter_bytes: int | None = None
    dtypes: Mapping[str, int] = field(default_factory=dict)
    """Elements by dtype."""

    fingerprint: str | None = None
    """Tells contents apart without reading a tensor; not cryptographic."""

    storage_crcs: Mapping[str, int] = field(default_factory=dict)
    globals: tuple[str, ...] = ()
    """`module.name` of everything that a real load would look up, in order of appearance."""

    problems: tuple[str, ...] = ()
    """What is odd about the file, such as a record that could not be read."""
