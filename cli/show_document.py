"""A checkpoint's contents as the JSON document of `ckpt-meta show`; its keys are stable.

Every key is always there: `null` where the checkpoint does not say, except for `tensors`, which
is only there if it is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkpoint_meta.errors import printable
from checkpoint_meta.readers.globals import classify_global

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.contents import CheckpointContents, TensorInfo

_NANOSECONDS = 1_000_000_000


def to_document(path: Path, contents: CheckpointContents, *, tensors: bool) -> dict[str, JSONValue]:
    """Return everything that is known, in the order in which people ask for it."""
    modified = datetime.fromtimestamp(contents.mtime_ns / _NANOSECONDS, UTC)
    document: dict[str, JSONValue] = {
        "path": printable(str(path)),
        "format": contents.format,
        "size_bytes": contents.size_bytes,
        "modified": modified.isoformat(timespec="seconds"),
        "incomplete": contents.incomplete,
        "epoch": contents.epoch,
        "global_step": contents.global_step,
        "lightning_version": contents.lightning_version,
        "weights_only": contents.weights_only,
        "tensor_count": len(contents.tensors),
        "parameter_count": contents.parameter_count,
        "parameter_bytes": contents.parameter_bytes,
        "dtypes": dict(contents.dtypes),
        "fingerprint": contents.fingerprint,
        "hyper_parameters": _dict(contents.hyper_parameters),
        "datamodule_hyper_parameters": _dict(contents.datamodule_hyper_parameters),
        "callbacks": _dict(contents.callbacks),
        "loops": _dict(contents.loops),
        "custom": _dict(contents.custom),
        "globals": {name: classify_global(name).value for name in contents.globals},
        "problems": list(contents.problems),
    }
    if tensors:
        document["tensors"] = [_tensor(tensor) for tensor in contents.tensors]
    return document


def _dict(values: Mapping[str, JSONValue] | None) -> JSONValue:
    return None if values is None else dict(values)


def _tensor(tensor: TensorInfo) -> JSONValue:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "storage": tensor.storage,
        "crc32": None if tensor.crc is None else f"{tensor.crc:08x}",
    }
