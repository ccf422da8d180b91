"""Which tool this is, and which version of it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

TOOL: Final = "checkpoint-meta"


def _installed_version() -> str:
    try:
        return version(TOOL)
    except PackageNotFoundError:
        return "0+source"


VERSION: Final = _installed_version()
