"""What the rules found: one thing about one file, and everything about one subject."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one file."""

    path: Path
    problem: Problem
    value: str = ""
    """What stands there, as JSON; empty where nothing does, or a secret."""

    only_one: tuple[str, ...] = ()
    """If given: no finding unless an earlier one had the same here."""

    def fingerprint(self, relative_path: str) -> str:
        """Return what tells this finding from others, also after lines have moved."""
        parts = (self.problem.code, relative_path, *self.problem.field, self.value)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about one subject."""

    path: Path
    """The checkpoint, or the sidecar that has none."""

    findings: tuple[Finding, ...]
