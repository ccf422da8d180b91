"""Pure stand-ins for the few functions that real checkpoints call.

Each checks the type of every argument and gives up (`NotImplemented`) over anything else: the call
then stays a `Call`. None of them runs anything that comes from the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers import tensors
from checkpoint_meta.readers.inert import Call, PickledDict, keyed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.readers.inert import Builder

_BYTE: Final = 0xFF


def ordered_dict(args: tuple[object, ...]) -> object:
    """Stand in for OrderedDict and Counter: empty, a dict, or a list of pairs."""
    match args:
        case ():
            return PickledDict()
        case (dict() as given,):
            return PickledDict(given)
        case (list() as pairs,):
            return _from_pairs(pairs)
    return NotImplemented


def _from_pairs(pairs: list[object]) -> object:
    made = PickledDict()
    for pair in pairs:
        match pair:
            case (key, value) | [key, value]:
                made[keyed(key)] = value
            case _:
                return NotImplemented
    return made


def default_dict(args: tuple[object, ...]) -> object:
    """Stand in for defaultdict; its factory is left out."""
    return ordered_dict(args[1:])


def plain_set(args: tuple[object, ...]) -> object:
    """Stand in for `set`."""
    match args:
        case ():
            return set()
        case (list() | tuple() | set() as items,):
            return {keyed(item) for item in items}
    return NotImplemented


def plain_frozenset(args: tuple[object, ...]) -> object:
    """Stand in for `frozenset`."""
    made = plain_set(args)
    return frozenset(made) if isinstance(made, set) else NotImplemented


def plain_complex(args: tuple[object, ...]) -> object:
    """Stand in for `complex`."""
    match args:
        case (float() | int() as real, float() | int() as imaginary):
            return complex(real, imaginary)
    return NotImplemented


def plain_bytes(args: tuple[object, ...]) -> object:
    """Stand in for `bytes`: protocols 0 to 2 write the empty one so, and numbers in a list."""
    match args:
        case ():
            return b""
        case (bytes() as given,):
            return given
        case (list() as numbers,) if all(
            isinstance(number, int) and 0 <= number <= _BYTE for number in numbers
        ):
            return bytes(numbers)
    return NotImplemented


def plain_bytearray(args: tuple[object, ...]) -> object:
    """Stand in for `bytearray`: protocols 0 to 2 give it latin-1 text, or bytes."""
    match args:
        case ():
            return bytearray()
        case (bytes() as given,):
            return bytearray(given)
        case (str() as text, "latin-1" | "latin1") if _is_latin(text):
            return bytearray(text, "latin-1")
    return NotImplemented


def encoded(args: tuple[object, ...]) -> object:
    """Stand in for `_codecs.encode`, by which protocol 2 writes bytes."""
    match args:
        case (str() as text, "latin1" | "latin-1") if _is_latin(text):
            return text.encode("latin-1")
    return NotImplemented


def _is_latin(text: str) -> bool:
    return text.isascii() or ord(max(text)) <= _BYTE


def reconstructed(args: tuple[object, ...]) -> object:
    """Stand in for `copyreg._reconstructor`, by which protocols 0 and 1 make an instance."""
    match args:
        case (cls, _, None):
            return Call(cls, ())
        case (cls, _, value):
            return Call(cls, (value,))
    return NotImplemented


def torch_size(args: tuple[object, ...]) -> object:
    """Stand in for `torch.Size`."""
    match args:
        case (tuple() as sizes,) if tensors.is_sizes(sizes):
            return sizes
    return NotImplemented


def copied(args: tuple[object, ...]) -> int:
    """Return how many values or bytes a stand-in may copy out of `args`."""
    return sum(len(arg) for arg in args if isinstance(arg, _SIZED))


_SIZED: Final = (str, bytes, list, tuple, dict, set)

_PLAIN: Final[Mapping[str, Builder]] = {
    "set": plain_set,
    "frozenset": plain_frozenset,
    "complex": plain_complex,
    "bytes": plain_bytes,
    "bytearray": plain_bytearray,
}

_COPYING: Final[Mapping[str, Builder]] = {
    "collections.OrderedDict": ordered_dict,
    "collections.Counter": ordered_dict,
    "collections.defaultdict": default_dict,
    "_codecs.encode": encoded,
    "copyreg._reconstructor": reconstructed,
    "copy_reg._reconstructor": reconstructed,
    "torch.Size": torch_size,
    **{f"builtins.{name}": builder for name, builder in _PLAIN.items()},
    **{f"__builtin__.{name}": builder for name, builder in _PLAIN.items()},
}

COPYING: Final = frozenset(_COPYING)
"""Those whose result is as large as what they are given."""

BUILDERS: Final[Mapping[str, Builder]] = {**_COPYING, **tensors.BUILDERS}
"""Stand-in by the name that the pickle gives."""
