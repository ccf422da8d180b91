"""A place in a text that is being parsed, and what stands there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from checkpoint_meta.errors import QueryError

_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"[A-Za-z_]+(?![\w./@:%+-])")


@dataclass(slots=True)
class Scanner:
    """A text, and how far it has been read; white space is passed over before each look."""

    text: str
    place: int = 0

    def skip(self) -> None:
        """Go to the next character that is no white space."""
        found = _SPACE.match(self.text, self.place)
        self.place = found.end() if found else self.place

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what the pattern matches, if it does."""
        self.skip()
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def take(self, sign: str) -> bool:
        """Take `sign`, if it stands here."""
        self.skip()
        if not self.text.startswith(sign, self.place):
            return False
        self.place += len(sign)
        return True

    def take_word(self, word: str) -> bool:
        """Take `word`, if it stands here as a whole."""
        self.skip()
        found = _WORD.match(self.text, self.place)
        if found is None or found[0] != word:
            return False
        self.place = found.end()
        return True

    def error(self, reason: str) -> QueryError:
        """Return the error that points here."""
        self.skip()
        return QueryError(self.text, self.place, reason)
