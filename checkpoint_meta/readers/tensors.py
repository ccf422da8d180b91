"""Tensors and storages as the pickle describes them: where the numbers lie, never the numbers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final, TypeGuard

from checkpoint_meta.readers.inert import Global, PersistentId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.inert import Builder

_DIMENSIONS: Final = 64
_LARGEST: Final = 1 << 63

_TENSOR_ARGS: Final = 4
"""Storage, offset, shape and strides; then `requires_grad`, hooks and flags."""

_FLAGS: Final = 6

_STORAGE_ARGS: Final = 5
"""The word `storage`, class, key, device and size."""

_STORAGE_KINDS: Final = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "QUInt8": "quint8",
    "QInt8": "qint8",
    "QInt32": "qint32",
    "QUInt4x2": "quint4x2",
    "QUInt2x4": "quint2x4",
    "Untyped": "uint8",
}

STORAGE_DTYPES: Final[Mapping[str, str]] = {
    f"{module}.{kind}Storage": dtype
    for kind, dtype in _STORAGE_KINDS.items()
    for module in ("torch", "torch.cuda", "torch.storage")
}
"""dtype by the name of the storage class that a pickle gives."""


class Storage:
    """A run of numbers in the file."""

    __slots__ = ("dtype", "key", "size")

    def __init__(self, key: str, dtype: str, size: int) -> None:
        self.key = key
        self.dtype = dtype
        self.size = size
        """In elements."""


class Tensor:
    """A view of a storage."""

    __slots__ = ("dtype", "flags", "offset", "shape", "state", "storage")

    def __init__(
        self, dtype: str, shape: tuple[int, ...], storage: Storage | None, offset: int = 0
    ) -> None:
        self.dtype = dtype
        self.shape = shape
        self.storage = storage
        self.offset = offset
        self.flags: object = None
        """`conj` and `neg`, where the pickle has them."""
        self.state: object = None

    @property
    def count(self) -> int:
        """Return the number of elements."""
        return prod(self.shape)


def to_storage(persistent: object) -> object:
    """Return the storage that one of torch's persistent ids names."""
    if type(persistent) is tuple and len(persistent) >= _STORAGE_ARGS:
        tag, kind, key, _location, size = persistent[:_STORAGE_ARGS]
        if tag == "storage" and type(kind) is Global and type(key) is str and type(size) is int:
            return Storage(key, STORAGE_DTYPES.get(kind.name, "uint8"), size)
    return PersistentId(persistent)


def dtype_name(value: object) -> str | None:
    """Return the name of the dtype that `value` stands for, as torch prints it."""
    if isinstance(value, Global) and value.name.startswith("torch."):
        name = value.name.removeprefix("torch.")
        return name if name.isascii() and name.isidentifier() else None
    return None


def is_sizes(value: object) -> TypeGuard[tuple[int, ...]]:
    """Tell whether `value` is a shape."""
    if type(value) is not tuple or len(value) > _DIMENSIONS:
        return False
    # Not `all` over a generator: this runs once for each tensor.
    for size in value:  # noqa: SIM110
        if type(size) is not int or not 0 <= size < _LARGEST:
            return False
    return True


def rebuild_tensor(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`."""
    if len(args) < _TENSOR_ARGS:
        return NotImplemented
    storage, offset, shape = args[:3]
    if type(storage) is not Storage or type(offset) is not int or not is_sizes(shape):
        return NotImplemented
    tensor = Tensor(storage.dtype, shape, storage, offset)
    if len(args) > _FLAGS:
        tensor.flags = args[_FLAGS]
    return tensor


def rebuild_tensor_v3(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_tensor_v3`, whose dtype is not its storage's."""
    match args:
        case (Storage(), _, _, _, _, _, Global() as kind, *rest) if dtype_name(kind):
            tensor = rebuild_tensor((*args[:6], *rest))
            if isinstance(tensor, Tensor):
                tensor.dtype = dtype_name(kind) or tensor.dtype
            return tensor
    return NotImplemented


def rebuild_quantized(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_qtensor`."""
    return rebuild_tensor(args[:4])


def rebuild_parameter(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_parameter`: a parameter is its tensor."""
    return args[0] if args and isinstance(args[0], Tensor) else NotImplemented


def rebuild_sparse(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_sparse_tensor`: shape and dtype, no storage."""
    match args:
        case (_, (*parts, tuple(shape), bool())) | (_, (*parts, tuple(shape))):
            values = parts[-1] if parts else None
            if isinstance(values, Tensor) and is_sizes(shape):
                return Tensor(values.dtype, shape, None)
    return NotImplemented


def rebuild_meta(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_meta_tensor_no_storage`."""
    match args:
        case (Global() as kind, tuple(shape), *_) if dtype_name(kind) and is_sizes(shape):
            return Tensor(dtype_name(kind) or "", shape, None)
    return NotImplemented


def rebuild_wrapper(args: tuple[object, ...]) -> object:
    """Stand in for `torch._utils._rebuild_wrapper_subclass`."""
    return rebuild_meta(args[1:])


def rebuild_from_type(args: tuple[object, ...]) -> object:
    """Stand in for `torch._tensor._rebuild_from_type_v2`: a tensor of a subclass."""
    match args:
        case (Global(name=name), Global(), tuple(inner), *_) if name in _SIMPLE:
            return _SIMPLE[name](inner)
        case (Global(), Global(), (Tensor() as tensor, *_), *_):
            return tensor
    return NotImplemented


_SIMPLE: Final[Mapping[str, Builder]] = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_qtensor": rebuild_quantized,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
    "torch._utils._rebuild_sparse_tensor": rebuild_sparse,
    "torch._utils._rebuild_meta_tensor_no_storage": rebuild_meta,
    "torch._utils._rebuild_wrapper_subclass": rebuild_wrapper,
}

BUILDERS: Final[Mapping[str, Builder]] = {
    **_SIMPLE,
    "torch._tensor._rebuild_from_type": rebuild_from_type,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
}
"""Stand-in by the name that the pickle gives."""
