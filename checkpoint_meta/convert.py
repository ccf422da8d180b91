"""Back-fills sidecars: asks every source about a checkpoint, resolves, and writes the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from checkpoint_meta import drafts
from checkpoint_meta.faults import guarded
from checkpoint_meta.sources.default import default_sources
from checkpoint_meta.store import link_sidecar, read_text_or_none, render_sidecar, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.resolve import Conflict, Resolution
    from checkpoint_meta.sources.interface import Source


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
    target = replace(link, path=link.path.resolve())
    if not target.path.exists():
        return Outcome(link, Status.SKIPPED, f"a dangling link to {link.path.readlink()}")
    if not target.sidecar.exists():
        outcome = _convert_file(target, sources, options)
        if outcome.status is Status.FAILED or options.dry_run:
            return replace(outcome, checkpoint=link)
    if not options.dry_run:
        link_sidecar(link.sidecar, target.sidecar)
    return Outcome(link, Status.SKIPPED, f"a link to {target.path.name}")


def _convert_file(
    checkpoint: CheckpointFile, sources: Sequence[Source], options: ConvertOptions
) -> Outcome:
    before = read_text_or_none(checkpoint.sidecar)
    current = drafts.read_current(checkpoint)
    if current and not options.overwrite and drafts.is_up_to_date(checkpoint, current, options):
        return Outcome(checkpoint, Status.UNCHANGED, before=before, after=before)
    draft = drafts.draft_sidecar(checkpoint, sources, current, options)
    after = render_sidecar(draft.document, before)
    status = _status(before, after)
    if status is not Status.UNCHANGED and not options.dry_run:
        replace_file(checkpoint.sidecar, after.encode())
    return Outcome(
        checkpoint, status, None, before, after, draft.resolution, tuple(draft.resolution.notes)
    )


def _status(before: str | None, after: str) -> Status:
    if before is None:
        return Status.CREATED
    return Status.UNCHANGED if before == after else Status.UPDATED
