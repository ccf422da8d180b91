"""The formats by name, and the contract of a report: verdicts go in, text comes out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from checkpoint_meta.rules.findings import Verdict


class ReportFormat(StrEnum):
    """Names of the formats."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    JUNIT = "junit"
    GITHUB = "github"
    GITLAB = "gitlab"
    SARIF = "sarif"


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
