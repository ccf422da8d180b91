"""Inert values as plain data: what JSON can hold, bounded, and safe for YAML and a terminal."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.inert import Boxed, Call, Global
from checkpoint_meta.readers.known_calls import KNOWN, as_scalar
from checkpoint_meta.readers.limits import (
    VIEW_CHARACTERS,
    VIEW_DEPTH,
    VIEW_NODES,
    VIEW_STRING,
)
from checkpoint_meta.readers.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checkpoint_meta.evidence import JSONValue

_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""What YAML, UTF-8 or a terminal would choke on; tabs and line feeds may stay."""

_KEY_PARTS: Final = 16
"""Parts of a tuple that are still written out where it is a key."""


class View:
    """One walk over inert values; it remembers which 0-dim tensors are to be read."""

    __slots__ = ("_active", "_characters", "_nodes", "pending")

    def __init__(self) -> None:
        self._nodes = 0
        self._characters = 0
        self._active: set[int] = set()
        self.pending: list[tuple[Tensor, Callable[[JSONValue], None]]] = []
        """0-dim tensors, and what puts the value of each into its place."""

    def section(self, made: dict[str, JSONValue], key: str, value: object) -> None:
        """Put one part of a checkpoint into `made`; nothing of it if there is too much.

        Raises:
            Fault: if there is more of it than a limit allows.
        """
        nodes, characters, pending = self._nodes, self._characters, len(self.pending)
        try:
            self._fill(made, [(key, value)])
        except Fault:
            self._nodes, self._characters = nodes, characters
            self._active.clear()
            del self.pending[pending:]
            raise

    def of(self, value: object) -> JSONValue:
        """Return `value` as plain data; a 0-dim tensor is `None` until it is read.

        Raises:
            Fault: if there is more of it than a limit allows.
        """
        self._nodes += 1
        if self._nodes > VIEW_NODES:
            raise Fault(f"more than {VIEW_NODES} values")
        match value:
            case None | bool() | int():
                return value
            case str():
                return self._text(value)
            case float():
                return value if math.isfinite(value) else str(value)
            case dict() | list() | tuple() | set() | frozenset() | Call():
                return self._nested(value)
            case Tensor(shape=()):
                return None
        return self._leaf(value)

    def _leaf(self, value: object) -> JSONValue:
        match value:
            case Tensor(shape=shape, dtype=dtype):
                return {"class": "torch.Tensor", "dtype": dtype, "shape": [*shape]}
            case Boxed():
                return self.of(value.value)
            case Global():
                return self._text(value.name)
            case complex():
                return str(value)
            case bytes() | bytearray():
                return {"class": type(value).__name__, "size": len(value)}
        return {"class": type(value).__name__}

    def _nested(self, value: object) -> JSONValue:
        """Return what holds other values; within itself it is only marked."""
        if id(value) in self._active:
            return {"class": "cycle"}
        if len(self._active) >= VIEW_DEPTH:
            raise Fault(f"values nested deeper than {VIEW_DEPTH}")
        self._active.add(id(value))
        made: JSONValue = None
        match value:
            case dict():
                made = self._mapping(value.items())
            case Call():
                made = self._call(value)
            case set() | frozenset():
                made = sorted(self._sequence(value), key=_rank)
            case list() | tuple():
                made = self._sequence(value)
        self._active.discard(id(value))
        return made

    def _mapping(self, items: Iterable[tuple[object, object]]) -> dict[str, JSONValue]:
        made: dict[str, JSONValue] = {}
        self._fill(made, items)
        return made

    def _fill(self, made: dict[str, JSONValue], items: Iterable[tuple[object, object]]) -> None:
        for key, value in items:
            name = self._key(key)
            if name in made:
                name = f"{name}#{len(made)}"
            made[name] = self.of(value)
            if type(value) is Tensor and not value.shape:
                self.pending.append((value, partial(made.__setitem__, name)))

    def _sequence(self, values: Iterable[object]) -> list[JSONValue]:
        made: list[JSONValue] = []
        for value in values:
            if type(value) is Tensor and not value.shape:
                self.pending.append((value, partial(made.__setitem__, len(made))))
            made.append(self.of(value))
        return made

    def _call(self, call: Call) -> JSONValue:
        known = KNOWN.get(call.name)
        plain = known(call) if known else as_scalar(call)
        if plain is not NotImplemented:
            return self.of(plain)
        pairs = zip(call.pairs[::2], call.pairs[1::2], strict=False)
        # A subclass of dict or list with nothing else to it.
        if not (call.args or call.kwargs or call.state):
            if call.pairs and not call.items:
                return self._mapping(pairs)
            if call.items and not call.pairs:
                return self._sequence(call.items)
        parts = {
            "args": call.args,
            "kwargs": call.kwargs,
            "state": call.state,
            "items": call.items,
        }
        made = self._mapping((name, part) for name, part in parts.items() if part)
        if call.pairs:
            made["pairs"] = self._mapping(pairs)
        return {"class": self.safe(str(call)), **made}

    def _key(self, key: object) -> str:
        match key:
            case str():
                return self.safe(key)
            case None | bool() | int() | float():
                return str(key)
            case Boxed(value=tuple() as parts) if len(parts) <= _KEY_PARTS:
                return f"({', '.join(self._part(part) for part in parts)})"
            case Boxed(value=value):
                return self._part(value)
        return self._part(key)

    def _part(self, value: object) -> str:
        match self.of(value):
            case None | bool() | int() | float() | str() as plain:
                return str(plain)
        return f"<{type(value).__name__}>"

    def _text(self, text: str) -> JSONValue:
        if len(text) > VIEW_STRING:
            return {"class": "str", "size": len(text)}
        return self.safe(text)

    def safe(self, text: str) -> str:
        """Return `text` with escapes for what would harm a terminal, YAML or UTF-8."""
        self._characters += len(text)
        if self._characters > VIEW_CHARACTERS:
            raise Fault(f"more than {VIEW_CHARACTERS} characters of text")
        return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def _rank(value: JSONValue) -> str:
    """Order the elements of a set the same in every process."""
    return str(value) if isinstance(value, (str, int, float)) else ""
