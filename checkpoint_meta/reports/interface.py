"""The contract of a report: verdicts go in one by one, text comes out as soon as it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from checkpoint_meta.rules.findings import Verdict


class Report(Protocol):
    """Makes one document of verdicts. It writes nothing: its caller does."""

    def begin(self) -> str:
        """Return what the document starts with."""
        ...

    def add(self, verdict: Verdict) -> str:
        """Take one verdict, and return what can be written already; nothing if nothing."""
        ...

    def end(self) -> str:
        """Return what the document ends with."""
        ...
