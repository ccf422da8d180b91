"""Which names a pickle may look up: a list of exact names that are known to do nothing else.

A real load imports a name's module and calls what it finds. Whole modules are never trusted:
`torch` and `numpy` too have functions that run what they are given.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.builders import BUILDERS
from checkpoint_meta.readers.dtypes import ITEM_SIZES
from checkpoint_meta.readers.known_calls import KNOWN
from checkpoint_meta.readers.tensors import STORAGE_DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterable


class GlobalClass(StrEnum):
    """What is known of a name that a pickle looks up."""

    SAFE = "safe"
    """It builds plain values, and nothing else."""

    UNKNOWN = "unknown"
    """Nobody has looked at it."""

    DANGEROUS = "dangerous"
    """It runs code, or reaches files, processes or the network."""


def _names(module: str, names: str) -> list[str]:
    return [f"{module}.{name}" for name in names.split()]


_BUILTINS: Final = (
    "bool bytearray bytes complex dict float frozenset int list long object range set slice str"
    " tuple unicode Ellipsis NotImplemented"
)

_NUMPY: Final = (
    "dtype ndarray bool_ float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64"
)

_NUMPY_RANDOM: Final = "__randomstate_ctor __generator_ctor __bit_generator_ctor"

_CHECKPOINT_METADATA: Final = (
    "Metadata TensorStorageMetadata BytesStorageMetadata TensorProperties ChunkStorageMetadata"
    " MetadataIndex StorageMeta _MEM_FORMAT_ENCODING"
)

_SAFE: Final = frozenset(
    [
        *BUILDERS,
        *KNOWN,
        *STORAGE_DTYPES,
        *(f"torch.{dtype}" for dtype in ITEM_SIZES),
        *_names("builtins", _BUILTINS),
        *_names("__builtin__", _BUILTINS),
        *_names("numpy", _NUMPY),
        *_names("numpy.dtypes", "Float32DType Float64DType Int32DType Int64DType BoolDType"),
        *_names("torch.distributed.checkpoint.metadata", _CHECKPOINT_METADATA),
        *_names("torch.distributed.checkpoint.filesystem", "_StorageInfo _StoragePrefix"),
        *_names("torch", "Tensor layout strided sparse_coo device Size per_tensor_affine"),
        *_names("torch.nn.parameter", "Parameter Buffer UninitializedParameter"),
        *_names("torch.storage", "UntypedStorage TypedStorage"),
        *_names("torch._utils", "_rebuild_device_tensor_from_numpy"),
        *_names("torch.serialization", "_get_layout"),
        *_names("omegaconf.base", "ContainerMetadata Metadata"),
        *_names("collections", "deque"),
        *_names("copyreg", "__newobj__ __newobj_ex__"),
        *_names("copy_reg", "__newobj__ __newobj_ex__"),
        *_names("_io", "BytesIO StringIO"),
        *_names("io", "BytesIO StringIO"),
        *_names("numpy.random._pickle", _NUMPY_RANDOM),
        *_names("typing", "Any Union Optional"),
        *_names("datetime", "time timedelta timezone"),
        *_names("decimal", "Decimal"),
        *_names("fractions", "Fraction"),
        *_names("lightning.fabric.utilities.data", "AttributeDict"),
        *_names("lightning_fabric.utilities.data", "AttributeDict"),
        *_names("lightning.pytorch.utilities.parsing", "AttributeDict"),
        *_names("pytorch_lightning.utilities.parsing", "AttributeDict"),
    ]
)

_MODULES: Final = (
    "_aix_support _frozen_importlib _io _osx_support _pickle _posixsubprocess _pyrepl _socket"
    " aiohttp asyncio atexit bdb code codeop cloudpickle cProfile ctypes dill distutils doctest"
    " ensurepip fileinput ftplib glob http httplib idlelib imaplib imp importlib inspect io joblib"
    " jsonpickle lib2to3 linecache marshal mmap multiprocessing nt ntpath os pdb pickle pickletools"
    " pip pipes pkg_resources pkgutil platform poplib popen2 posix posixpath profile pty"
    " py_compile pyclbr pydoc requests resource runpy setuptools shelve shlex shutil signal site"
    " smtplib socket socketserver sqlite3 ssl subprocess sys sysconfig tarfile telnetlib tempfile"
    " threading timeit trace types urllib urllib2 urllib3 venv webbrowser winreg xmlrpc"
    " zipapp zipfile zipimport"
)
_DANGEROUS_MODULES: Final = frozenset(_MODULES.split())
"""Packages in which every name that is not on the list above counts as dangerous."""

_DANGEROUS: Final = frozenset(
    [
        *_names("builtins", "eval exec compile open input breakpoint __import__ getattr setattr"),
        *_names("builtins", "delattr globals locals vars apply execfile map filter"),
        *_names("__builtin__", "eval exec compile open input file raw_input reload __import__"),
        *_names("__builtin__", "getattr setattr delattr globals locals vars apply execfile map"),
        *_names("__builtin__", "filter reduce"),
        *_names("operator", "attrgetter itemgetter methodcaller call"),
        *_names("_operator", "attrgetter itemgetter methodcaller call"),
        *_names("functools", "reduce partialmethod cached_property"),
        *_names("_functools", "reduce"),
        *_names("itertools", "starmap accumulate"),
        *_names("torch", "load save compile hub.load jit.load package.PackageImporter"),
        *_names("torch.hub", "load load_state_dict_from_url download_url_to_file _load_local"),
        *_names("torch.jit", "load script CompilationUnit"),
        *_names("torch.jit._serialization", "load"),
        *_names("torch.serialization", "load _load _legacy_load"),
        *_names("torch.storage", "_load_from_bytes"),
        *_names("torch.utils.cpp_extension", "load load_inline"),
        *_names("torch.utils.model_zoo", "load_url"),
        *_names("torch._inductor.codecache", "compile_file"),
        *_names("torch.distributed.rpc", "rpc_sync rpc_async remote"),
        *_names("torch.fx.graph_module", "reduce_graph_module _exec_with_source"),
        *_names("numpy", "load save savetxt loadtxt genfromtxt fromfile memmap"),
        *_names("numpy.testing._private.utils", "runstring"),
        *_names("numpy.f2py", "compile"),
        *_names("pandas", "read_pickle eval"),
        *_names("omegaconf", "OmegaConf.load OmegaConf.register_new_resolver"),
        *_names("hydra.utils", "call instantiate get_class get_method get_object"),
        *_names("hydra._internal.instantiate._instantiate2", "instantiate _call_target"),
        *_names("logging.config", "fileConfig dictConfig listen"),
        *_names("codecs", "open"),
        *_names("_codecs", "lookup register"),
        *_names("yaml", "load unsafe_load full_load"),
    ]
)


def classify_global(name: str) -> GlobalClass:
    """Tell what is known of `module.name`."""
    if name in _SAFE:
        return GlobalClass.SAFE
    parents = _parents(name)
    if name.partition(".")[0] in _DANGEROUS_MODULES or not _DANGEROUS.isdisjoint(parents):
        return GlobalClass.DANGEROUS
    return GlobalClass.UNKNOWN


def _parents(name: str) -> Iterable[str]:
    """Return `name` and what it is an attribute of."""
    parts = name.split(".")
    return [".".join(parts[:size]) for size in range(1, len(parts) + 1)]
