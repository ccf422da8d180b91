"""A YAML mapping read block by block: what was read before is not parsed again.

The sidecars of a run say the same in most of their blocks. Of what is plainly a mapping, each line
that begins with a letter begins a block, and a block means the same wherever it stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import yaml_rs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Made = TypeVar("Made")

_NEXT_BLOCK: Final = re.compile(r"\n(?=[a-z])")

_MOST: Final = 2048
"""Blocks that are remembered; they are about 200 bytes each."""


class Block(NamedTuple, Generic[Made]):
    """One key of the mapping, and what was made of its value."""

    key: str
    made: Made


class BlockReader(Generic[Made]):
    """Remembers what `make(key, value)` made of each block; what gives `None` is not read so."""

    def __init__(self, make: Callable[[str, object], Made | None]) -> None:
        self._make = make
        self._known: dict[str, Block[Made]] = {}

    def read(self, text: str) -> list[Block[Made]] | None:
        """Return the blocks of a text, in its order.

        `None` if it is not plainly a mapping, or a block is not one of which something is made:
        then somebody else must read the whole.
        """
        if not _is_usual(text):
            return None
        pieces = _NEXT_BLOCK.split(text[:-1])
        known = self._known
        unknown = [piece for piece in pieces if piece not in known]
        if unknown and not self._learn(unknown):
            return None
        blocks = [known[piece] for piece in pieces]
        if len(known) > _MOST:
            known.clear()
        return blocks if len({block.key for block in blocks}) == len(blocks) else None

    def _learn(self, pieces: Sequence[str]) -> bool:
        """Parse blocks, each a document of its own, so that none can reach into the next."""
        try:
            read: object = yaml_rs.loads("\n---\n".join(pieces) + "\n", parse_datetime=False)
        except ValueError:
            return False
        values = [read] if len(pieces) == 1 else read
        if type(values) is not list or len(values) != len(pieces):
            return False
        for piece, value in zip(pieces, values, strict=True):
            if type(value) is not dict or len(value) != 1:
                return False
            ((key, inner),) = value.items()
            made = self._make(key, inner) if piece.startswith(f"{key}:") else None
            if made is None:
                return False
            self._known[piece] = Block(key, made)
        return True


def _is_usual(text: str) -> bool:
    """Tell whether nothing carries over from one block to another, or ends the text early."""
    return (
        text.endswith("\n")
        and "\0" not in text
        and "\r" not in text
        and "&" not in text
        and "\n---" not in text
        and "\n..." not in text
        and "\n%" not in text
    )
