"""Which versions of the sidecar there are."""

from __future__ import annotations

from typing import Final

VERSIONS: Final = ("1.0", "2.0")

SCHEMA_VERSION: Final = "2.0"
"""The one that is written, unless somebody asks for another."""

UNKNOWN: Final = "unknown"
"""The word that 1.0 holds where it demands a text that nobody knows."""
