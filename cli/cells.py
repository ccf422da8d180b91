"""Values as people read them in a table."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

_MINUTES: Final = ((60, 1, "min"), (48 * 60, 60, "h"), (90 * 1440, 1440, "d"))
_UNITS: Final = ("kB", "MB", "GB", "TB")
_THOUSAND: Final = 1000
_WORDS: Final = {None: "", True: "yes", False: "no"}
_SMALL: Final = 0.001
_YEARS: Final = 24
"""Months from which years are shown."""


def show_value(name: str, value: JSONValue, *, rounded: bool = True) -> str:
    """Return what stands in the column `name` for a value; nothing where it is missing."""
    if name in _UNITED and isinstance(value, (int, float)):
        return _UNITED[name](value)
    match value:
        case None | bool():
            return _WORDS[value]
        case int():
            return str(value)
        case float():
            return _show_float(value, rounded=rounded)
        case str():
            return printable(value)
        case _:
            return printable(json.dumps(value, ensure_ascii=False))


def _show_float(value: float, *, rounded: bool) -> str:
    if rounded:
        return f"{value:.4f}" if _SMALL <= abs(value) < _THOUSAND else f"{value:.4g}"
    # What JSON writes, without its detours.
    return repr(value) if math.isfinite(value) else json.dumps(value)


def show_age(days: float) -> str:
    """Return an age with its unit: `5 min`, `30 h`, `12 d`, `14 mo`."""
    minutes = max(days, 0) * 1440
    for limit, size, unit in _MINUTES:
        if minutes < limit:
            return f"{int(minutes / size)} {unit}"
    months = days / 30.44
    return f"{int(months)} mo" if months < _YEARS else f"{int(days / 365.25)} y"


def show_size(size: float) -> str:
    """Return a size with its decimal unit: `46.8 MB`."""
    if size < _THOUSAND:
        return f"{size:.0f} B"
    scaled = float(size)
    for unit in _UNITS:
        scaled /= _THOUSAND
        if scaled < _THOUSAND:
            return f"{scaled:.3g} {unit}"
    return f"{scaled * _THOUSAND:.0f} {_UNITS[-1]}"


_UNITED: Final = {"age": show_age, "size": show_size}
"""Columns whose numbers are shown with a unit."""
