"""What mkdocs is told beyond mkdocs.yml: every decision has a place in the menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: dict[str, Any]) -> dict[str, Any]:
    """Add a section with the records of decisions, in the order of their numbers."""
    folder = Path(config["docs_dir"])
    files = sorted(folder.glob("adr/*.md"), key=lambda file: (file.stem != "index", file.stem))
    records = [f"adr/{file.name}" for file in files]
    config["nav"] = [*config["nav"], {"Decisions": records}]
    return config
