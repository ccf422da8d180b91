"""A plain document as YAML text, ten times as fast as a general writer. Pure.

It knows mappings, lists, numbers and texts, and writes them in one way only. Training waits for it
at each save.
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

_LONGEST_KEY: Final = 1000
"""Characters of a key, as it is written; a reader looks 1024 ahead for a colon."""


class SurrogateError(ValueError):
    """The document holds half of a surrogate pair, which no YAML reader accepts."""


def dump_text(document: Mapping[str, JSONValue]) -> str:
    """Return the document as YAML.

    Raises:
        SurrogateError: if it holds half of a surrogate pair: `without_surrogates` takes it out.
    """
    return "".join(block_lines(document, ""))


def without_surrogates(value: JSONValue) -> JSONValue:
    """Return `value` with each half of a surrogate pair as the six characters of its escape.

    A file name that is not UTF-8 has such halves in Python.
    """
    match value:
        case str():
            return "".join(
                f"\\u{ord(one):04x}" if ord(one) in _SURROGATES else one for one in value
            )
        case list():
            return [without_surrogates(item) for item in value]
        case dict():
            return {
                str(without_surrogates(key)): without_surrogates(item)
                for key, item in value.items()
            }
        case _:
            return value


def block_lines(block: Mapping[str, JSONValue], indent: str) -> Iterator[str]:
    """Yield the lines of a mapping that is not empty."""
    gap = f"\n{indent}"
    for key, value in block.items():
        start = f"{indent}{_key(key, gap)}:"
        if isinstance(value, dict) and value:
            yield f"{start}\n"
            yield from block_lines(value, f"{indent}  ")
        elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            yield f"{start}\n"
            for item in value:
                yield from item_lines(item, f"{indent}    ")
        else:
            yield f"{start} {inline_text(value)}\n"


def item_lines(item: JSONValue, indent: str) -> Iterator[str]:
    """Yield the lines of one item of a list; `indent` is that of what follows its dash."""
    dash = f"{indent[:-2]}- "
    if not isinstance(item, dict) or not item:
        yield f"{dash}{inline_text(item)}\n"
        return
    first, *rest = block_lines(item, indent)
    yield dash + first.removeprefix(indent)
    yield from rest


def inline_text(value: JSONValue) -> str:
    """Return `value` on one line, fit to stand in brackets too."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(inline_text(item) for item in value)}]"
        case dict():
            pairs = (f"{_key(key)}: {inline_text(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case _:
            return _number(value)


def _key(key: str, gap: str = " ") -> str:
    """Return a key; `gap` stands between a very long one and its colon."""
    text = _text(key)
    return f"? {text}{gap}" if len(text) > _LONGEST_KEY else text


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
        raise SurrogateError(character)
    return f"\\U{code:08X}"


def _number(value: float) -> str:
    shown = repr(value)
    if "n" in shown:
        return shown.replace("nan", ".nan").replace("inf", ".inf")
    mantissa, exponent, power = shown.partition("e")
    # YAML 1.1 takes `1e-05` for a text, and `1.0e-05` for a number.
    return f"{mantissa}.0{exponent}{power}" if exponent and "." not in mantissa else shown
