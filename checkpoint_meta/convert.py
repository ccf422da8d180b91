"""Back-fills sidecars: asks every source about a checkpoint, resolves, and writes the answer."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta import drafts
from checkpoint_meta.faults import guarded
from checkpoint_meta.identity import stamp_of
from checkpoint_meta.news import news, without_marks
from checkpoint_meta.rewriting import is_same
from checkpoint_meta.sources.default import default_sources
from checkpoint_meta.sources.marks import marks_of
from checkpoint_meta.store import link_sidecar, read_text_or_none, render_sidecar, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.resolve import Conflict, Resolution
    from checkpoint_meta.sources.interface import Source


_ATTEMPTS: Final = 3


class Status(StrEnum):
    """What became of one checkpoint."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `convert` did about one checkpoint, or would do."""

    checkpoint: CheckpointFile
    status: Status
    reason: str | None = None
    before: str | None = None
    """Text of the sidecar as it stood."""

    after: str | None = None
    """Text of the sidecar as it stands, or would."""

    resolution: Resolution | None = None
    notes: tuple[str, ...] = ()

    faults: tuple[str, ...] = ()
    """What could not be read beside the checkpoint, and why; each is among the notes too."""

    @property
    def conflicts(self) -> Sequence[Conflict]:
        """Return the claims that lost."""
        return self.resolution.conflicts if self.resolution else ()


@dataclass(frozen=True, slots=True)
class ConvertOptions(drafts.DraftOptions):
    """How to convert."""

    dry_run: bool = False
    """Say what would be done, and write nothing."""


def convert(
    checkpoints: Iterable[CheckpointFile],
    sources: Sequence[Source] | None = None,
    options: ConvertOptions | None = None,
) -> Iterator[Outcome]:
    """Yield one outcome for each checkpoint, as soon as it is known.

    A checkpoint that fails, in whatever way, is one failed outcome; the others go on.
    """
    asked = default_sources() if sources is None else sources
    chosen = options or ConvertOptions()
    for checkpoint in checkpoints:
        yield convert_one(checkpoint, asked, chosen)


def convert_one(
    checkpoint: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    """Return the outcome for one checkpoint; it raises nothing but a stop from outside."""
    outcome, fault = guarded(lambda: _convert(checkpoint, sources, options))
    return outcome or Outcome(checkpoint, Status.FAILED, fault)


def _convert(
    checkpoint: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    if checkpoint.is_temporary:
        return Outcome(checkpoint, Status.SKIPPED, "left by one of Lightning's tuners")
    if checkpoint.is_link:
        return _convert_link(checkpoint, sources, options)
    return _convert_file(checkpoint, sources, options)


def _convert_link(
    link: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    """Give a linked checkpoint a linked sidecar; the target's is the one that is written."""
    target = replace(link, path=Path(os.path.realpath(link.path)))
    if not target.path.exists():
        return Outcome(link, Status.SKIPPED, f"a dangling link to {link.path.readlink()}")
    outcome = _convert_file(target, sources, options)
    if outcome.status is Status.FAILED:
        return replace(outcome, checkpoint=link)
    reason = f"a link to {target.path.name}"
    if not options.dry_run and not link_sidecar(link.sidecar, target.sidecar):
        stays = f"{link.sidecar.name} is a file of its own, and stays"
        reason += f"; {stays} (remove it to have it linked)"
    return Outcome(link, Status.SKIPPED, reason)


def _convert_file(
    checkpoint: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    for _ in range(_ATTEMPTS):
        seen = stamp_of(checkpoint.path), read_text_or_none(checkpoint.sidecar)
        outcome = _propose(checkpoint, sources, options)
        is_news = outcome.status in (Status.CREATED, Status.UPDATED)
        if options.dry_run or not is_news or outcome.after is None:
            return outcome
        # Training may have written or pruned meanwhile; what it says is newer than this.
        if seen == (stamp_of(checkpoint.path), read_text_or_none(checkpoint.sidecar)):
            replace_file(checkpoint.sidecar, outcome.after.encode())
            return outcome
    return Outcome(checkpoint, Status.FAILED, f"{checkpoint.path}: changes while it is converted")


def _propose(
    checkpoint: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    """Return the outcome as it will be once its text is written."""
    before = None if checkpoint.sidecar.is_symlink() else read_text_or_none(checkpoint.sidecar)
    current = drafts.read_current(checkpoint)
    marks = marks_of(sources, checkpoint) if current else {}
    if current and drafts.is_up_to_date(checkpoint, current, marks, options):
        return Outcome(checkpoint, Status.UNCHANGED, before=before, after=before)
    draft = drafts.draft_sidecar(checkpoint, sources, current, options)
    after = render_sidecar(draft.document, before)
    notes = tuple(draft.resolution.notes)
    status = _status(before, after)
    reason = _reason(current, draft.document, marks)
    seen = before, after, draft.resolution, notes, draft.faults
    return Outcome(checkpoint, status, reason, *seen)


def _reason(
    current: Mapping[str, JSONValue] | None,
    document: Mapping[str, JSONValue],
    marks: Mapping[str, str],
) -> str | None:
    """Say so where a sidecar is written for nothing but what was seen this time."""
    if current is None or not is_same(without_marks(current), without_marks(document)):
        return None
    looked = news(current, marks)
    return f"nothing new in {', '.join(looked)}" if looked else None


def _status(before: str | None, after: str) -> Status:
    if before is None:
        return Status.CREATED
    return Status.UNCHANGED if before == after else Status.UPDATED
