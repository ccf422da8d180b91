"""Which file a sidecar is about: sizes, times, fingerprints and hashes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.schema.compose import Stamp
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.sources.reading import read_contents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile

_CHUNK: Final = 1024 * 1024


def stamp_of(path: Path) -> Stamp | None:
    """Return the size and time of a file, `None` where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def checkpoint_facts(
    checkpoint: CheckpointFile, document: Mapping[str, JSONValue] | None, *, sha256: bool
) -> dict[str, JSONValue]:
    """Return the `checkpoint` block: what lies beside the sidecar now.

    Raises:
        ReadError: if the checkpoint cannot be read, or is cut off.
    """
    contents = read_contents(checkpoint)
    if contents.incomplete:
        raise ReadError(checkpoint.path, "cut off; a sidecar would pass it off as whole")
    facts: dict[str, JSONValue] = {
        "format": contents.format,
        "size_bytes": contents.size_bytes,
        "mtime_ns": contents.mtime_ns,
        "fingerprint": contents.fingerprint,
        "weights_only": contents.weights_only,
    }
    recorded = look_up(document or {}, ("checkpoint",))
    if isinstance(recorded, dict) and "sha256" in recorded and is_same(recorded, facts):
        facts["sha256"] = recorded["sha256"]
    elif sha256 and not checkpoint.is_sharded:
        facts["sha256"] = _sha256(checkpoint.path)
    return {key: value for key, value in facts.items() if value is not None}


def is_same(recorded: Mapping[str, JSONValue], facts: Mapping[str, JSONValue]) -> bool:
    """Tell whether a recorded `checkpoint` block is about the file that lies there now.

    Size and fingerprint decide; the time does where the format has no fingerprint, since a copied
    file has a new time.
    """
    if recorded.get("size_bytes") != facts.get("size_bytes"):
        return False
    prints = recorded.get("fingerprint"), facts.get("fingerprint")
    if None in prints:
        return recorded.get("mtime_ns") == facts.get("mtime_ns")
    return prints[0] == prints[1]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
