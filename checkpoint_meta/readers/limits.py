"""How much a file may ask for; generous for any real checkpoint, and small enough for a stranger's.

Together they hold a reader under 300 MB and 5 s, whatever the bytes say.
"""

from __future__ import annotations

from typing import Final

PICKLE_BYTES: Final = 64 << 20
"""Of one pickle. Real ones need about 130 bytes a tensor."""

OPCODE_MEMORY: Final = 112 << 20
"""Of the values that opcodes make, by the upper bounds beside each: about 2 KB a tensor."""

CONTENT_MEMORY: Final = 64 << 20
"""Of text, bytes and copies, by upper bounds."""

GLOBALS: Final = 10_000
"""Different names that a pickle may look up; real checkpoints have about ten."""

INTEGER_BYTES: Final = 1024

HASHED_INTEGER: Final = (1 << 61) - 1
"""Integers from here on can be chosen so that their hashes collide."""

VIEW_NODES: Final = 200_000
"""Values in the plain view; a value that is reached twice counts twice."""

VIEW_DEPTH: Final = 100

VIEW_CHARACTERS: Final = 8 << 20

VIEW_STRING: Final = 1 << 20

SCALARS: Final = 512
"""0-dim tensors whose value is read."""

SCALAR_GAP: Final = 4096
"""Bytes between two values that are still fetched in one read."""

DIRECTORY_BYTES: Final = 32 << 20
"""Of a zip's central directory, at about 63 bytes an entry."""

DIRECTORY_ENTRIES: Final = 300_000

HEADER_BYTES: Final = 8 << 20
"""Of the header of a safetensors file, at about 100 bytes a tensor; parsed, 25 times that."""
