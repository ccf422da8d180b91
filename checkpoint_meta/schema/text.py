"""A plain document as YAML text, ten times as fast as a general writer. Pure.

It knows mappings, lists, numbers and texts, and writes them in one way only; whatever is unusual
is left to the general writer. Training waits for it at each save.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import JSONValue

_RETYPED: Final = re.compile(
    r"[-+]?\.?\d.*|~|[-+.]*(?:y|n|yes|no|on|off|true|false|null|nan|inf)|.*:|=|<<",
    re.IGNORECASE,
)
"""Texts that some YAML reader takes for a number, a time, a truth value or nothing."""

_PLAIN: Final = re.compile(r"(?:[A-Za-z_/]|\.\./)[\w./+@%=()-]*(?: [\w./+@%=()-]+)*", re.ASCII)
"""Texts that need no quotes anywhere; fewer than YAML allows."""

_SURROGATES: Final = range(0xD800, 0xE000)

_LONGEST_KEY: Final = 100
"""Characters of a key; a long one would need a form of its own."""


class UnusualError(ValueError):
    """The document holds what only the general writer knows how to write."""


def dump_text(document: Mapping[str, JSONValue]) -> str:
    """Return the document as YAML.

    Raises:
        UnusualError: if it holds a number that is not finite, a very long key or half of a
            surrogate pair.
    """
    return "".join(_block(document, ""))


def _block(block: Mapping[str, JSONValue], indent: str) -> Iterator[str]:
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{_key(key)}:\n"
            yield from _block(value, f"{indent}  ")
        elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            yield f"{indent}{_key(key)}:\n"
            for item in value:
                yield from _item(item, f"{indent}    ")
        else:
            yield f"{indent}{_key(key)}: {_inline(value)}\n"


def _item(item: JSONValue, indent: str) -> Iterator[str]:
    """Write one item of a list; `indent` is that of what follows its dash."""
    dash = f"{indent[:-2]}- "
    if not isinstance(item, dict) or not item:
        yield f"{dash}{_inline(item)}\n"
        return
    first, *rest = _block(item, indent)
    yield dash + first.removeprefix(indent)
    yield from rest


def _inline(value: JSONValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(_inline(item) for item in value)}]"
        case dict():
            pairs = (f"{_key(key)}: {_inline(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case _:
            return _number(value)


def _key(key: str) -> str:
    if len(key) > _LONGEST_KEY:
        raise UnusualError(key)
    return _text(key)


def needs_quotes(text: str) -> bool:
    """Tell whether some reader could take the bare text for something else."""
    return not _PLAIN.fullmatch(text) or _RETYPED.fullmatch(text) is not None


def _text(text: str) -> str:
    if not needs_quotes(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() else "".join(_escaped(one) for one in quoted)


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code in _SURROGATES:
        raise UnusualError(character)
    return f"\\U{code:08X}"


def _number(value: float) -> str:
    shown = repr(value)
    if "n" in shown:
        raise UnusualError(shown)
    mantissa, exponent, power = shown.partition("e")
    # YAML 1.1 takes `1e-05` for a text, and `1.0e-05` for a number.
    return f"{mantissa}.0{exponent}{power}" if exponent and "." not in mantissa else shown
