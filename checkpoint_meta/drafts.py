"""One checkpoint's sidecar before it is written."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.claims import Claims, gather, resolve_claims
from checkpoint_meta.errors import DocumentError, ReadError
from checkpoint_meta.resolve import PRECEDENCE
from checkpoint_meta.schema.compose import Stamp, compose_document
from checkpoint_meta.schema.document import MODELS, check_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.v2 import SCHEMA_VERSION
from checkpoint_meta.sources.current import KEPT, CurrentSidecar
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.store import read_sidecar
from checkpoint_meta.version import TOOL, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.resolve import Resolution
    from checkpoint_meta.sources.interface import Source

_CHUNK: Final = 1024 * 1024

CHANGED: Final = "the checkpoint changed since its sidecar was written; resolved anew"


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """How a sidecar is made."""

    overwrite: bool = False
    """Resolve every value anew; else a 2.0 sidecar is completed, and what it says stays."""

    ask_again: bool = False
    """Ask the sources though nothing has changed: the user says more than the last time."""

    schema_version: str = SCHEMA_VERSION
    outputs_dir: Path | None = None
    """What `checkpoint_path` is relative to in a 1.0 sidecar; `None`: where the search began."""

    precedence: tuple[str, ...] = PRECEDENCE
    sha256: bool = False
    """Record the SHA-256 of the whole checkpoint, which reads every byte."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A sidecar that could be written."""

    document: Mapping[str, JSONValue]
    resolution: Resolution


def read_current(checkpoint: CheckpointFile) -> dict[str, JSONValue] | None:
    """Return the document of the sidecar that stands there, `None` where there is none.

    Raises:
        ReadError: if a file stands there that is no sidecar of ours; it is left alone.
    """
    path = checkpoint.sidecar
    if not os.path.lexists(path):
        return None
    document = read_sidecar(path)
    version = document.get("schema_version")
    if version is None:
        raise ReadError(path, "not a sidecar of ours (no schema_version); move it away first")
    if version not in MODELS:
        raise ReadError(path, f"schema_version {version!r} is not known to {TOOL} {VERSION}")
    return document


def is_up_to_date(
    checkpoint: CheckpointFile, document: Mapping[str, JSONValue], options: DraftOptions
) -> bool:
    """Tell, without opening the checkpoint, that there is nothing new to say about it."""
    if options.ask_again or document["schema_version"] != options.schema_version:
        return False
    if look_up(document, ("written_by", "version")) != VERSION:
        return False
    if options.sha256 and look_up(document, ("checkpoint", "sha256")) is None:
        return False
    if _recorded(document.get("checkpoint")) != stamp_of(checkpoint.path):
        return False
    lines = document.get("provenance")
    return all(
        _recorded(line) in (None, stamp_of(checkpoint.sidecar.parent / _location(line)))
        for line in (lines if isinstance(lines, list) else [])
    )


def _location(line: JSONValue) -> str:
    return str(line.get("location")) if isinstance(line, dict) else ""


def _recorded(block: JSONValue) -> Stamp | None:
    if not isinstance(block, dict):
        return None
    size, time = block.get("size_bytes"), block.get("mtime_ns")
    return Stamp(size, time) if isinstance(size, int) and isinstance(time, int) else None


def stamp_of(path: Path) -> Stamp | None:
    """Return the size and time of a file, `None` where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def draft_sidecar(
    checkpoint: CheckpointFile,
    sources: Sequence[Source],
    document: Mapping[str, JSONValue] | None,
    options: DraftOptions,
) -> Draft:
    """Return the sidecar that the sources and what stands there make together.

    Raises:
        ReadError: if the checkpoint cannot be read, or is cut off.
        DocumentError: if what stands there is not valid, or cannot be written as 1.0.
    """
    facts = checkpoint_facts(checkpoint, document, sha256=options.sha256)
    claims = gather(checkpoint, sources)
    current = _current(checkpoint, document, facts, overwrite=options.overwrite)
    precedence = options.precedence
    if current:
        changed = () if current.holds or current.is_legacy else (CHANGED,)
        fragments = (*claims.fragments, *current.fragments())
        claims = Claims(fragments, (*claims.notes, *changed))
        precedence = _with_kept(precedence, last=options.overwrite)
    resolution = resolve_claims(claims, precedence)
    resolution = _restored(resolution, current)
    composed = compose_document(
        resolution,
        checkpoint_path=os.path.relpath(checkpoint.path, checkpoint.sidecar.parent),
        checkpoint=facts,
        written_by={"tool": TOOL, "version": VERSION, "how": "convert"},
        stamps=_stamps(checkpoint, resolution),
    )
    return Draft(_in_version(composed, checkpoint, options), resolution)


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


def _current(
    checkpoint: CheckpointFile,
    document: Mapping[str, JSONValue] | None,
    facts: Mapping[str, JSONValue],
    *,
    overwrite: bool,
) -> CurrentSidecar | None:
    if document is None:
        return None
    problems = [one for one in check_document(dict(document)) if one.code != "CM108"]
    if problems and not overwrite and document["schema_version"] != "1.0":
        raise DocumentError(problems, checkpoint.sidecar)
    recorded = document.get("checkpoint")
    holds = isinstance(recorded, dict) and is_same(recorded, facts)
    return CurrentSidecar(migrate(document, "2.0"), holds)


def _with_kept(precedence: Sequence[str], *, last: bool) -> tuple[str, ...]:
    """Return the order with what stands there right behind the pins, or behind everything."""
    others = [name for name in precedence if name != "pinned"]
    return ("pinned", *others, KEPT) if last else ("pinned", KEPT, *others)


def _restored(resolution: Resolution, current: CurrentSidecar | None) -> Resolution:
    """Give each kept value its old provenance; what a person wrote has none."""
    if current is None:
        return resolution
    former = current.provenance
    provenance = {
        field: former[field] if origin.source == KEPT else origin
        for field, origin in resolution.provenance.items()
        if origin.source != KEPT or field in former
    }
    return dataclasses.replace(resolution, provenance=provenance)


def _stamps(checkpoint: CheckpointFile, resolution: Resolution) -> dict[str, Stamp]:
    """Return size and time of each file in the provenance, the checkpoint left out."""
    folder = checkpoint.sidecar.parent
    found = {
        location: stamp_of(folder / location)
        for location in {origin.location for origin in resolution.provenance.values()}
        if location and folder / location not in (checkpoint.path, checkpoint.sidecar)
    }
    return {location: stamp for location, stamp in found.items() if stamp}


def _in_version(
    document: dict[str, JSONValue], checkpoint: CheckpointFile, options: DraftOptions
) -> dict[str, JSONValue]:
    root = options.outputs_dir or checkpoint.layout.root
    folder = Path(os.path.relpath(checkpoint.path.parent, root)).as_posix()
    try:
        return migrate(document, options.schema_version, folder=folder)
    except DocumentError as error:
        raise DocumentError(error.problems, checkpoint.path) from error
