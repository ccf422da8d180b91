"""When two values can be compared at all. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue


def is_known(value: JSONValue) -> bool:
    """Tell whether there is a value that can be compared: not missing, and not NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def is_same(value: JSONValue, wanted: JSONValue) -> bool:
    """Tell whether two values are equal; `true` is not 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted
