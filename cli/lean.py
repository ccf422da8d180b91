"""A command whose usual options are read without pydantic, which takes half of its start.

Typer builds a pydantic adapter for each option, given or not. What is plainly a text, a count, a
path or a choice is taken here as it is; whatever is not goes to Typer, which says what is wrong.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_COUNT: Final = 9
"""Digits of a count that is plainly one."""


class LeanCommand(TyperCommand):
    """A command as Typer makes it, that starts sooner."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, that of `--help` too."""
        return _read_plainly(super().get_params(ctx))


class LeanGroup(TyperGroup):
    """Commands under a name, whose own options are read likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, that of `--help` too."""
        return _read_plainly(super().get_params(ctx))


def _read_plainly(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        # Typer's way to its adapters since 0.29; where it is another one, nothing changes.
        build: Callable[[], Any] | None = getattr(parameter, "get_runtime_param", None)
        descriptor = getattr(parameter, "type_descriptor", None)
        if build is None or isinstance(build, _Reader) or not hasattr(descriptor, "annotation"):
            continue
        vars(parameter)["get_runtime_param"] = _Reader(descriptor, build)
    return parameters


class _NotPlainError(Exception):
    """Typer has to look at a value."""


class _Reader:
    """Reads the values of one parameter in place of what Typer builds, or has that do it."""

    def __init__(self, descriptor: Any, build: Callable[[], Any]) -> None:
        self._annotation = descriptor.annotation
        self._info = descriptor.parameter_info
        self._build = build

    def __call__(self) -> _Reader:
        """Return what converts a value."""
        return self

    def __getattr__(self, name: str) -> object:
        """Return what only Typer's own has."""
        return getattr(self._build(), name)

    def coerce(self, value: object, param: Any, ctx: Any) -> object:
        """Return the value as the command's parameter wants it."""
        is_many = param.multiple or param.nargs == -1
        if value is None:
            return () if is_many else None
        try:
            return self._many(value) if is_many else self._one(value, self._annotation)
        except _NotPlainError:
            return self._build().coerce(value, param=param, ctx=ctx)

    def _many(self, value: object) -> list[object]:
        if get_origin(self._annotation) is not list or not isinstance(value, (list, tuple)):
            raise _NotPlainError
        (kind,) = get_args(self._annotation)
        return [self._one(one, kind) for one in value]

    def _one(self, value: object, kind: object) -> object:
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _choice(value, kind)
        if isinstance(value, str):
            if kind is str and self._info.parser is None:
                return value
            if kind is int:
                return self._count(value)
            if kind is Path and os.access(value, os.R_OK) and self._is_any_path():
                return Path(value)
        raise _NotPlainError

    def _count(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT):
            raise _NotPlainError
        count, least, most = int(text), self._info.min, self._info.max
        if (least is not None and count < least) or (most is not None and count > most):
            raise _NotPlainError
        return count

    def _is_any_path(self) -> bool:
        info = self._info
        asked = (info.exists, info.writable, info.resolve_path, info.allow_dash, info.path_type)
        return info.file_okay and info.dir_okay and not any(asked)


def _choice(value: object, kind: type[Enum]) -> Enum:
    if isinstance(value, kind):
        return value
    for member in kind:
        if member.value == value:
            return member
    raise _NotPlainError
