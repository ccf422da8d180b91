"""Why bytes cannot be read; at the edge, where the file has a name, it becomes a `ReadError`."""

from __future__ import annotations

import struct
from typing import Final, Self


class Fault(Exception):  # noqa: N818 - it never leaves the readers
    """One reason, in words that follow the file's name."""

    globals: tuple[str, ...] = ()
    """Names that a real load would have looked up before it found out."""

    def having_seen(self, globals_seen: tuple[str, ...]) -> Self:
        """Return the fault with the names that came before it."""
        self.globals = globals_seen
        return self


class CutOff(Fault):
    """The bytes end before what they announce."""


BROKEN_BYTES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    struct.error,
    TypeError,
    ValueError,
)
"""What Python raises over bytes that do not mean what they claim to mean."""
