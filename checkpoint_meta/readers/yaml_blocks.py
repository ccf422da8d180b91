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

_MOST: Final = 2048
"""Blocks that are remembered; they are about 200 bytes each."""


class BlockReader(Generic[Made]):
    """Remembers what `make(key, value)` made of each block; what gives `None` is not read so."""

    def __init__(self, make: Callable[[str, object], Made | None]) -> None:
        self._make = make
        self._known: dict[str, tuple[str, Made]] = {}

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
            if not self._learn(unknown):
                return None
            blocks = [*map(self._known.get, pieces)]
        if len(self._known) > _MOST:
            self._known.clear()
        found = dict(filter(None, blocks))
        return found if len(found) == len(pieces) else None

    def _learn(self, pieces: Sequence[str]) -> bool:
        """Parse blocks, each a document of its own, so that none can reach into the next."""
        if not all(map(_is_usual, pieces)):
            return False
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
            self._known[piece] = key, made
        return True


def _is_usual(block: str) -> bool:
    """Tell whether nothing carries over from a block to another one, or ends the text early."""
    return (
        "\0" not in block
        and "\r" not in block
        and "&" not in block
        and "\n---" not in block
        and "\n..." not in block
        and "\n%" not in block
    )
