"""The `ckpt-meta` command."""

from __future__ import annotations


def run() -> None:
    """Run the command line."""
