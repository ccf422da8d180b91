"""A YAML mapping read block by block: what was read before is not parsed again.

The sidecars of a run say the same in most of their blocks. Of what is plainly a mapping, each line
that begins with a letter begins a block, and a block means the same wherever it stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import yaml_rs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Made = TypeVar("Made")

_NEXT_BLOCK: Final = re.compile(r"\n(?=[a-z])")

_MOST: Final = 500_000
"""Characters of blocks that are remembered."""


class BlockReader(Generic[Made]):
    """Remembers what was made of each block, which is handed over as a mapping of one key.

    What `make` returns `None` for is not read in this way. `guess` may know what a block says, and
    its key, without its being parsed.
    """

    def __init__(
        self,
        make: Callable[[dict[str, object]], Made | None],
        guess: Callable[[str], tuple[str, Made] | None] = lambda _: None,
    ) -> None:
        self._make = make
        self._guess = guess
        self._known: dict[str, tuple[str, Made]] = {}
        self._size = 0

    def read(self, text: str) -> dict[str, Made] | None:
        """Return what was made of each key, in the text's order.

        `None` if it is not plainly a mapping, or a block is not one of which something is made:
        then somebody else must read the whole.
        """
        if not text.endswith("\n"):
            return None
        pieces = _NEXT_BLOCK.split(text[:-1])
        blocks = [*map(self._known.get, pieces)]
        if None in blocks:
            unknown = [piece for piece, known in zip(pieces, blocks, strict=True) if not known]
            learned = self._learned(unknown)
            if learned is None:
                return None
            rest = iter(learned)
            blocks = [known or next(rest) for known in blocks]
        found = dict(filter(None, blocks))
        return found if len(found) == len(pieces) else None

    def _learned(self, blocks: Sequence[str]) -> list[tuple[str, Made]] | None:
        """Return what blocks say that were not met before, and remember it."""
        guesses = [*map(self._guess, blocks)]
        if None in guesses:
            strange = [block for block, guess in zip(blocks, guesses, strict=True) if not guess]
            parsed = parse_blocks(strange, self._make)
            if parsed is None:
                return None
            rest = iter(parsed)
            guesses = [guess or next(rest) for guess in guesses]
        learned = [*filter(None, guesses)]
        self._size += sum(map(len, blocks))
        if self._size > _MOST:
            self._known.clear()
            self._size = 0
        self._known.update(zip(blocks, learned, strict=True))
        return learned


def parse_blocks(
    blocks: Sequence[str], make: Callable[[dict[str, object]], Made | None]
) -> list[tuple[str, Made]] | None:
    """Return the key of each block and what was made of it; `None` if one is something else.

    Each is parsed as a document of its own, so that none can reach into the next.
    """
    if not all(map(_is_usual, blocks)):
        return None
    try:
        read: object = yaml_rs.loads("\n---\n".join(blocks) + "\n", parse_datetime=False)
    except (ValueError, TypeError):
        return None
    values = [read] if len(blocks) == 1 else read
    if type(values) is not list or len(values) != len(blocks):
        return None
    made: list[tuple[str, Made]] = []
    for block, value in zip(blocks, values, strict=True):
        if type(value) is not dict or len(value) != 1:
            return None
        (key,) = value
        one = make(value) if block.startswith(f"{key}:") else None
        if one is None:
            return None
        made.append((key, one))
    return made


def _is_usual(block: str) -> bool:
    """Tell whether nothing carries over from a block to another one, or ends the text early.

    The parser ends a literal text, which `|` or `>` begins, in another way at the end of a file.
    """
    return (
        "|" not in block
        and ">" not in block
        and "\0" not in block
        and "\r" not in block
        and "&" not in block
        and "\n---" not in block
        and "\n..." not in block
        and "\n%" not in block
    )
