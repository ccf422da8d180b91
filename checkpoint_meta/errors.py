"""What can go wrong, each with its facts and one sentence that names the file first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.evidence import Problem


class CheckpointMetaError(Exception):
    """Anything that checkpoint-meta raises on purpose."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Return what a user is told: one line, unless an error has more to show."""
        return (str(self),)


class ReadError(CheckpointMetaError):
    """A file could not be read as what it claims to be."""

    def __init__(
        self,
        path: str | Path,
        reason: str,
        globals: Sequence[str] = (),  # noqa: A002 - pickle's own word
    ) -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason
        self.globals = tuple(globals)
        """Names that a real load would have looked up before it found out."""

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: {printable(self.reason)}"


class WriteError(CheckpointMetaError):
    """A file could not be written; what stood there before still stands."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: cannot be written ({self.reason})"


class DocumentError(CheckpointMetaError, ValueError):
    """A document is not valid metadata; `problems` holds every reason."""

    def __init__(self, problems: Sequence[Problem], path: Path | None = None) -> None:
        super().__init__(problems, path)
        self.problems = tuple(problems)
        self.path = path

    def __str__(self) -> str:
        reasons = "; ".join(str(problem) for problem in self.problems)
        return f"{printable(str(self.path))}: {reasons}" if self.path else reasons


class SettingError(CheckpointMetaError, ValueError):
    """A setting or policy says something that cannot be meant."""

    def __init__(self, path: Path, field: str, reason: str) -> None:
        super().__init__(path, field, reason)
        self.path = path
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: {self.field}: {self.reason}"


class QueryError(CheckpointMetaError, ValueError):
    """A filter expression does not parse; `position` is the place, from 0."""

    def __init__(self, expression: str, position: int, reason: str) -> None:
        super().__init__(expression, position, reason)
        self.expression = expression
        self.position = position
        self.reason = reason

    def __str__(self) -> str:
        # A caret stands under its place also where characters before it are shown as escapes.
        caret = " " * len(printable(self.expression[: self.position])) + "^"
        return f"{self.reason}\n  {printable(self.expression)}\n  {caret}"


class MissingExtraError(CheckpointMetaError, ImportError):
    """An optional dependency is asked for, but not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(module, extra)
        self.module = module
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.module} is missing: pip install 'checkpoint-meta[{self.extra}]'"


def printable(text: str) -> str:
    """Return `text` on one line, safe for a terminal and for UTF-8.

    Control characters, line separators and lone surrogates are written as escapes.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )
