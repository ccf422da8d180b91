"""Hyper-parameters as plain values: no object kept, no interpolation resolved, no secret told."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.masking import cut_large_values, mask_secrets
from checkpoint_meta.training.interface import to_number

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

DEEPEST: Final = 20
"""Levels of nesting that are followed; a mapping may hold itself."""

PRINTED: Final = ("datetime", "decimal", "fractions", "uuid")
"""Modules whose objects are known by how they print."""


def plain_hyperparameters(hyperparameters: object) -> dict[str, JSONValue]:
    """Return hyper-parameters as a sidecar holds them: masked, and cut where they are large."""
    plain = mask_secrets(to_plain(hyperparameters))
    return cut_large_values(plain) if isinstance(plain, dict) else {}


def to_plain(value: object, depth: int = 0) -> JSONValue:
    """Return `value` as JSON knows it; of an object that JSON does not know, its type's name."""
    if depth > DEEPEST:
        return "..."
    value = _unresolved(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, (str, bytes)):
        return [to_plain(item, depth + 1) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> JSONValue:
    """Return one value; a subclass, such as numpy's float64, as what it stands for."""
    match value:
        case None | bool():
            return value
        case Enum():
            return value.name
        case str() | PurePath():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else str(float(value))
        case _:
            return _named(value)


def _unresolved(value: object) -> object:
    """Return OmegaConf's containers as dicts and lists with `${...}` as it stands.

    A DictConfig is a Mapping, but reading its items resolves `${oc.env:SECRET}`.
    """
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and isinstance(value, omegaconf.Container):
        return omegaconf.OmegaConf.to_container(value, resolve=False)
    return value


def _named(value: object) -> JSONValue:
    kind = type(value)
    if isinstance(value, type) or callable(value):
        return f"{value.__module__}.{getattr(value, '__qualname__', kind.__qualname__)}"
    if kind.__module__ in PRINTED or kind.__name__ in ("device", "dtype"):
        return str(value)
    if getattr(value, "ndim", None) == 0 and (number := to_number(value)) is not None:
        return number
    # Not repr: it may tell a secret, and it tells addresses in memory.
    return f"{kind.__module__}.{kind.__qualname__}"
