"""Findings that a project has said it lives with, each with a reason or in a baseline."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.errors import SettingError
from checkpoint_meta.rules.rulebook import is_rule_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.rules.baseline import Baseline, Known
    from checkpoint_meta.rules.findings import Finding, Verdict
    from checkpoint_meta.settings import Ignored, Settings


@dataclass(slots=True)
class Sieve:
    """Takes findings out of verdicts, and remembers what it took."""

    settings: Settings
    baseline: Baseline | None = None
    ignored: Counter[Ignored] = field(default_factory=Counter)
    """How many findings each of the settings' entries took."""

    known: set[str] = field(default_factory=set)
    """Fingerprints of the baseline that were met."""

    def __post_init__(self) -> None:
        """Refuse an entry that names no rule.

        Raises:
            SettingError: naming the settings file.
        """
        for entry in self.settings.ignore:
            if not is_rule_prefix(entry.rule) and self.settings.file:
                message = f"no rule {entry.rule!r}; see ckpt-meta rules"
                raise SettingError(self.settings.file, "validate.ignore", message)

    def sift(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """Yield the verdicts with the findings that nobody has spoken for."""
        for verdict in verdicts:
            kept = tuple(one for one in verdict.findings if not self._takes(one))
            yield replace(verdict, findings=kept)

    def gone(self) -> list[Known]:
        """Return the findings of the baseline that were not met again."""
        known = self.baseline.known if self.baseline else {}
        return [one for fingerprint, one in known.items() if fingerprint not in self.known]

    def unused(self) -> list[Ignored]:
        """Return the settings' entries that took nothing."""
        return [entry for entry in self.settings.ignore if not self.ignored[entry]]

    def _takes(self, finding: Finding) -> bool:
        entry = self._entry_for(finding.problem.code, finding.path)
        if entry is not None:
            self.ignored[entry] += 1
            return True
        if self.baseline is not None and self.baseline.knows(finding):
            self.known.add(self.baseline.fingerprint(finding))
            return True
        return False

    def ignores(self, code: str, path: Path) -> bool:
        """Tell whether the settings pass over a rule at a path."""
        return self._entry_for(code, path) is not None

    def _entry_for(self, code: str, path: Path) -> Ignored | None:
        fitting = (one for one in self.settings.ignore if code.startswith(one.rule))
        return next((one for one in fitting if self._lies_in(path, one)), None)

    def _lies_in(self, path: Path, entry: Ignored) -> bool:
        """Tell whether the entry's pattern fits the path, relative to the settings' folder."""
        folder = self.settings.file.parent if self.settings.file else Path()
        name = Path(os.path.relpath(path, folder)).as_posix()
        pattern = Path(entry.path).as_posix()
        return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*")
