"""Keeps secrets and bulk out of sidecars. Pure."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

MASK: Final = "***"

MEASURED: Final = frozenset({"metrics", "last_validation", "checkpointing", "training"})
"""Blocks of a sidecar whose keys name measurements: `loss_per_token` is no secret."""

LONGEST: Final = 4096
"""Characters that one hyper-parameter may take, written as JSON."""

_NAMES: Final = (
    r"(?:password|passwd|token|secret|credentials?|(?:api|access|private|secret)[_-]?key)"
)
_SECRET: Final = re.compile(rf"{_NAMES}\Z", re.IGNORECASE)
_PAIR: Final = re.compile(rf"""({_NAMES})[\\"']*\s*[:=]\s*""", re.IGNORECASE)
_OF_TEXT: Final = re.compile(
    r"(?<![a-z0-9])(?:bos|cls|eos|mask|pad|sep|unk)[_-]token\Z", re.IGNORECASE
)
"""Names that tokenizers have for tokens of text."""

_BEFORE: Final = len("-mask_")
"""Characters before `token` that tell whether it is one of text."""

_VOCABULARY: Final = 10_000_000
"""No vocabulary is as large: a longer number under a `token` is no index."""

_BARE: Final = re.compile(r"-?\d{1,7}(?:\.\d*)?")
_MARK: Final = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\[{()\]},]""", re.DOTALL)
"""What may end a value in a text, and the quoted and escaped parts that may not."""

# From the `//` on: a scheme before it would have to be sought from each letter of a long text.
_USER: Final = re.compile(r"""(?<=://)[^\s/?#"']+(?=@)""")


@lru_cache(maxsize=1024)
def is_secret_name(key: str) -> bool:
    """Tell whether a value under this key is a secret by its name, such as `wandb_api_key`.

    The ending is enough, whatever stands before it: `hftoken` and `accessToken` are secrets too.
    """
    return _SECRET.search(key) is not None and _OF_TEXT.search(key) is None


def is_secret(key: str, value: JSONValue) -> bool:
    """Tell whether a value is a secret: by its key, unless it holds none.

    An empty place holds none, nor do true and false, nor does a number that counts tokens or
    stands for one in a vocabulary. A number under any other such key may be a password.
    """
    if value in (None, "", MASK) or isinstance(value, bool) or not is_secret_name(key):
        return False
    is_number = isinstance(value, (int, float)) and abs(value) < _VOCABULARY
    return not (is_number and key.lower().endswith("token"))


def is_secret_text(key: str, text: str) -> bool:
    """Tell the same of a value as it is written in `key=value`."""
    if _BARE.fullmatch(text):
        return is_secret(key, float(text))
    return is_secret(key, text.strip("\"'")) and text.lower() not in {"true", "false"}


def mask_urls(text: str) -> str:
    """Return `text` with `***` for the user and password of each URL in it."""
    return _USER.sub(MASK, text)


def mask_text(text: str) -> str:
    """Return `text` with `***` for each URL's user, and for each secret in it.

    A secret is the value in `key: value` or `key=value`, quoted or nested as it may be.
    """
    text = mask_urls(text)
    shown: list[str] = []
    place = 0
    while pair := _PAIR.search(text, place):
        end = _end_of_value(text, pair.end())
        key, value = text[max(0, pair.start() - _BEFORE) : pair.end(1)], text[pair.end() : end]
        shown += [text[place : pair.end()], MASK if is_secret_text(key, value) else value]
        place = end
    return "".join([*shown, text[place:]])


def _end_of_value(text: str, start: int) -> int:
    depth = 0
    for found in _MARK.finditer(text, start):
        mark = found[0]
        if mark in "[{(":
            depth += 1
        elif mark in ")}]" and depth:
            depth -= 1
        elif mark in ")}]," and not depth:
            return found.start()
    return len(text)


def mask_secrets(value: JSONValue) -> JSONValue:
    """Return `value` with `***` for everything whose key names a secret, and for URLs' users."""
    if isinstance(value, dict):
        return {
            key: MASK if is_secret(key, item) else mask_secrets(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item) for item in value]
    return mask_urls(value) if isinstance(value, str) else value


def cut_large_values(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the hyper-parameters with each that is longer than `LONGEST` cut, and saying so."""
    return {key: _cut(value) for key, value in values.items()}


def _cut(value: JSONValue) -> JSONValue:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        return value
    return f"{text[: LONGEST // 4]}... (cut: {len(text)} characters)"
