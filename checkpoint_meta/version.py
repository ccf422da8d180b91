"""Which tool this is, and which version of it."""

from __future__ import annotations

from typing import Final

TOOL: Final = "checkpoint-meta"

VERSION: Final = "0.1.0"
"""As in pyproject.toml: to ask the installed package takes as long as to list 3,000 checkpoints."""
