"""What a pickle describes, as values that do nothing.

Functions are names, calls are records of a call. Whatever cannot be hashed fast and safely stands
behind a `Boxed` where Python would use it as a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.readers.limits import HASHED_INTEGER

if TYPE_CHECKING:
    from collections.abc import Callable

Builder: TypeAlias = "Callable[[tuple[object, ...]], object]"
"""A pure stand-in for one known function; `NotImplemented` over arguments of other types."""


class Global:
    """A name that a real load would look up, and with it import."""

    __slots__ = ("builder", "name")

    def __init__(self, name: str, builder: Builder | None = None) -> None:
        self.name = name
        self.builder = builder

    def __str__(self) -> str:
        return self.name


class Call:
    """A call that a real load would make, and what it would then do to the result."""

    __slots__ = ("args", "function", "items", "kwargs", "pairs", "state")

    def __init__(self, function: object, args: object, kwargs: object = None) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.state: object = None
        self.items: list[object] = []
        self.pairs: list[object] = []

    @property
    def name(self) -> str:
        """Return the name of what is called; empty if that is itself the result of a call."""
        return self.function.name if isinstance(self.function, Global) else ""

    def __str__(self) -> str:
        return self.name or "the result of a call"


class PickledDict(dict[object, object]):
    """An OrderedDict or its kin; torch gives that of a state dict a state, `_metadata`."""

    __slots__ = ("state",)

    state: object


class Boxed:
    """A key that Python would hash by its contents; here each is only itself."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class PersistentId:
    """A reference to something outside the pickle."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def keyed(value: object) -> object:
    """Return `value` as a key of a dict or set that cannot be made slow or deep."""
    kind = type(value)
    if kind is str or kind is bytes or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, int) and -HASHED_INTEGER < value < HASHED_INTEGER:
        return value
    return value if kind is Boxed else Boxed(value)


def unboxed(key: object) -> object:
    """Return what a key stands for."""
    return key.value if isinstance(key, Boxed) else key
