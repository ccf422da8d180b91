"""What the documentation shows, made from the code: python -m scripts.pages [--check]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.pages import commands, python_api, settings, sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS: Final = Path(__file__).parents[2] / "docs"

GENERATED: Final[dict[str, Callable[[], str]]] = {
    page.PAGE: page.render for page in (commands, python_api, settings, sidecar)
}
"""Page below `docs/` -> what writes its text."""
