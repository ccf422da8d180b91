"""Pages of the documentation, cut into their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

_FENCE: Final = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]*?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>[\w-]*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n"
    r"(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_EXIT: Final = re.compile(r"exit (\d+)(?:: .+)?")
_NOT_RUN: Final = re.compile(r"not run: (.{10,})")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str | None
    body: str
    not_run: str | None
    """Why it cannot be tried, as the comment above it says."""

    exit_code: int
    """What its last command ends with, as the comment above it says."""

    @property
    def where(self) -> str:
        """Return the place that a failure names."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page that a reader may meet."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [page for page in (*top, *sorted(DOCS.rglob("*.md"))) if page.exists()]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    return list(_blocks(page, page.read_text(encoding="utf-8")))


def _blocks(page: Path, text: str) -> Iterator[Block]:
    for match in _FENCE.finditer(text):
        marker = match["marker"] or ""
        ended = _EXIT.fullmatch(marker)
        reason = _NOT_RUN.fullmatch(marker)
        indent = match["indent"]
        lines = match["body"].splitlines(keepends=True)
        yield Block(
            page,
            text.count("\n", 0, match.start("language")) + 1,
            match["language"],
            match["title"],
            "".join(line.removeprefix(indent) for line in lines),
            reason[1] if reason else None,
            int(ended[1]) if ended else 0,
        )
