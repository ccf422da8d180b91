"""Keeps secrets and bulk out of sidecars. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

MASK: Final = "***"

LONGEST: Final = 4096
"""Characters that one hyper-parameter may take, written as JSON."""

_SECRET: Final = re.compile(
    r"(?:^|[_\-.])"
    r"(?:password|passwd|token|secret|api_?key|access_?key|private_?key|credentials?)$",
    re.IGNORECASE,
)


def is_secret_name(key: str) -> bool:
    """Tell whether a value under this key is a secret by its name, such as `wandb_api_key`."""
    return _SECRET.search(key) is not None


def mask_secrets(value: JSONValue) -> JSONValue:
    """Return `value` with `***` for everything whose key names a secret."""
    if isinstance(value, dict):
        return {
            key: _masked(item) if is_secret_name(key) else mask_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item) for item in value]
    return value


def _masked(value: JSONValue) -> JSONValue:
    # An empty place holds no secret, and a reader may want to know that it is empty.
    return value if value in (None, "", MASK) else MASK


def cut_large_values(values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the hyper-parameters with each that is longer than `LONGEST` cut, and saying so."""
    return {key: _cut(value) for key, value in values.items()}


def _cut(value: JSONValue) -> JSONValue:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        return value
    return f"{text[: LONGEST // 4]}... (cut: {len(text)} characters)"
