"""How findings and files are called in reports that other programs read. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from pathlib import Path, PurePath

    from checkpoint_meta.rules.findings import Finding


def relative_name(path: PurePath, root: Path) -> str:
    """Return `path` below `root` with `/`, as CI systems know files; else as it was given."""
    whole = root / path
    if whole.is_relative_to(root):
        return whole.relative_to(root).as_posix()
    return path.as_posix()


def uri_of(path: PurePath, root: Path) -> str:
    """Return a relative reference to a file below `root`, else its `file:` URI."""
    name = relative_name(path, root).encode("utf-8", "surrogateescape")
    return f"file://{quote(name)}" if name.startswith(b"/") else quote(name)


def sentence_of(finding: Finding) -> str:
    """Return what is wrong on one line, with the field."""
    return printable(str(finding.problem))


class Fingerprints:
    """Makes fingerprints that are unique within one report."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, int] = {}

    def of(self, finding: Finding) -> str:
        """Return what tells this finding from the others, the same in the next run."""
        found = finding.fingerprint(relative_name(finding.path, self._root))
        count = self._seen.get(found, 0)
        self._seen[found] = count + 1
        return hashlib.sha256(f"{found}{count}".encode()).hexdigest() if count else found
