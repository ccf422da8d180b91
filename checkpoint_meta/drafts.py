"""One checkpoint's sidecar before it is written."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.claims import Claims, gather, resolve_claims, without_refuted
from checkpoint_meta.errors import DocumentError, ReadError
from checkpoint_meta.identity import checkpoint_facts, is_same, stamp_of
from checkpoint_meta.news import (
    news,
    seen_by,
    stamps_behind,
    stamps_of_values,
    with_former_writer,
)
from checkpoint_meta.resolve import PRECEDENCE
from checkpoint_meta.schema.compose import compose_document, recorded_stamp
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import look_up, put
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.order import with_unknown_keys
from checkpoint_meta.schema.versions import SCHEMA_VERSION, VERSIONS
from checkpoint_meta.sources.current import KEPT, CurrentSidecar
from checkpoint_meta.sources.marks import marks_of
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.store import read_sidecar
from checkpoint_meta.version import TOOL, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.resolve import Resolution
    from checkpoint_meta.sources.interface import Source

CHANGED: Final = "the checkpoint changed since its sidecar was written; resolved anew"


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """How a sidecar is made."""

    overwrite: bool = False
    """Resolve every value anew; else a 2.0 sidecar is completed, and what it says stays."""

    ask_again: bool = False
    """Ask the sources though nothing has changed: the user says more than the last time, or wants
    to hear what they say."""

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

    faults: tuple[str, ...] = ()
    """What could not be read beside the checkpoint, and why."""


def read_current(checkpoint: CheckpointFile) -> dict[str, JSONValue] | None:
    """Return the document of the sidecar that stands there, `None` where there is none.

    A link is none: it is left from when the checkpoint was a link too, and tells of another.

    Raises:
        ReadError: if a file stands there that is no sidecar of ours, or that belongs to another
            checkpoint; it is left alone.
    """
    path = checkpoint.sidecar
    if not os.path.lexists(path) or path.is_symlink():
        return None
    document = read_sidecar(path)
    version = document.get("schema_version")
    if version is None:
        raise ReadError(path, "not a sidecar of ours (no schema_version); move it away first")
    if not isinstance(version, str) or version not in VERSIONS:
        raise ReadError(path, f"schema_version {version!r} is not known to {TOOL} {VERSION}")
    _refuse_shared(checkpoint, document)
    return document


def _refuse_shared(checkpoint: CheckpointFile, document: Mapping[str, JSONValue]) -> None:
    """Refuse the sidecar of a sibling: `a.ckpt` and `a.pt` have the same name for theirs."""
    named = str(document.get("checkpoint_path")).rsplit("/", 1)[-1]
    sibling = checkpoint.path.with_name(named) if named else checkpoint.path
    if named in ("", checkpoint.path.name) or not sibling.exists():
        return
    if dataclasses.replace(checkpoint, path=sibling).sidecar == checkpoint.sidecar:
        reason = f"shares its sidecar {checkpoint.sidecar.name} with {named}; rename one of them"
        raise ReadError(checkpoint.path, reason)


def is_up_to_date(
    checkpoint: CheckpointFile,
    document: Mapping[str, JSONValue],
    marks: Mapping[str, str],
    options: DraftOptions,
) -> bool:
    """Tell, without opening any file, that there is nothing new to say about the checkpoint.

    `marks` are those of the sources, as `marks_of` returns them now.
    """
    if options.overwrite or options.ask_again:
        return False
    if document["schema_version"] != options.schema_version:
        return False
    if options.sha256 and look_up(document, ("checkpoint", "sha256")) is None:
        return False
    if recorded_stamp(document.get("checkpoint")) != stamp_of(checkpoint.path):
        return False
    return not news(document, marks)


def draft_sidecar(
    checkpoint: CheckpointFile,
    sources: Sequence[Source],
    document: Mapping[str, JSONValue] | None,
    options: DraftOptions,
) -> Draft:
    """Return the sidecar that the sources and what stands there make together.

    Marks are taken before any file is read: what changes meanwhile is seen the next time.

    Raises:
        ReadError: if the checkpoint cannot be read, or is cut off.
        DocumentError: if what stands there is not valid, or cannot be written as 1.0.
    """
    marks: dict[str, JSONValue] = {**marks_of(sources, checkpoint)}
    facts = checkpoint_facts(checkpoint, document, sha256=options.sha256)
    claims = gather(checkpoint, sources)
    stamps = stamps_behind(claims.fragments, checkpoint)
    current = _current(checkpoint, document, facts, overwrite=options.overwrite)
    precedence = options.precedence
    if current:
        changed = () if current.holds or current.is_legacy else (CHANGED,)
        fragments = (*claims.fragments, *current.fragments(overwrite=options.overwrite))
        if options.overwrite:
            fragments = without_refuted(fragments)
        claims = Claims(fragments, (*claims.notes, *changed), claims.faults)
        precedence = _with_kept(precedence, last=options.overwrite)
        if current.holds:
            # What was seen of a source that is left out this time is still seen.
            marks = seen_by(current.document) | marks
    resolved = resolve_claims(claims, precedence)
    resolution = _restored(resolved, current)
    composed = compose_document(
        resolution,
        checkpoint_path=os.path.relpath(checkpoint.path, checkpoint.sidecar.parent),
        checkpoint=facts,
        written_by={"tool": TOOL, "version": VERSION, "how": "convert", "seen": marks},
        stamps=stamps_of_values(resolved, stamps, current),
    )
    if current:
        composed = _with_what_people_put(composed, current)
        composed = with_former_writer(composed, current.document)
    return Draft(_in_version(composed, checkpoint, options), resolution, claims.faults)


def _with_what_people_put(
    composed: dict[str, JSONValue], current: CurrentSidecar
) -> dict[str, JSONValue]:
    """Return the document with the keys of a person's own, and pins inside larger values."""
    merged = with_unknown_keys(composed, current.document)
    merged.pop("upgraded_from", None)
    for path, value in current.pinned.items():
        put(merged, path, value)
    return merged


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
    current = CurrentSidecar(migrate(document, "2.0"), _holds(checkpoint, document, facts))
    if overwrite or document["schema_version"] == "1.0":
        # What is wrong is resolved anew, but nobody may resolve what a person has pinned.
        pins = ("pinned",), *current.pinned
        problems = [one for one in problems if any(one.field[: len(pin)] == pin for pin in pins)]
    if problems:
        raise DocumentError(problems, checkpoint.sidecar)
    return current


def _holds(
    checkpoint: CheckpointFile,
    document: Mapping[str, JSONValue],
    facts: Mapping[str, JSONValue],
) -> bool:
    """Tell whether the sidecar is about the file that lies there now.

    One that a person wrote by hand records no file, and is believed. Where only the time differs
    and the format has no fingerprint, epoch and step decide.
    """
    recorded = document.get("checkpoint")
    if not isinstance(recorded, dict) or "size_bytes" not in recorded:
        return True
    if is_same(recorded, facts):
        return True
    contents = read_contents(checkpoint)
    told = look_up(document, ("training", "epoch")), look_up(document, ("training", "global_step"))
    return (
        recorded["size_bytes"] == facts.get("size_bytes")
        and None in (recorded.get("fingerprint"), facts.get("fingerprint"))
        and None not in told
        and told == (contents.epoch, contents.global_step)
    )


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


def _in_version(
    document: dict[str, JSONValue], checkpoint: CheckpointFile, options: DraftOptions
) -> dict[str, JSONValue]:
    root = options.outputs_dir or checkpoint.layout.root
    folder = Path(os.path.relpath(checkpoint.path.parent, root)).as_posix()
    try:
        return migrate(document, options.schema_version, folder=folder)
    except DocumentError as error:
        raise DocumentError(error.problems, checkpoint.path) from error
