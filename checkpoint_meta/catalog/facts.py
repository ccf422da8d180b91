"""What is true of one checkpoint, by its sidecar or, where that does not hold, by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.marks import state_of
from checkpoint_meta.catalog.row import Facts, Row, Status, Watched, light
from checkpoint_meta.catalog.watched import watched_places
from checkpoint_meta.claims import Claims, gather, resolve_claims
from checkpoint_meta.errors import DocumentError, printable
from checkpoint_meta.faults import guarded
from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.resolve import PRECEDENCE
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.versions import SCHEMA_VERSION
from checkpoint_meta.sources.current import KEPT, CurrentSidecar
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.sidecar import SidecarSource
from checkpoint_meta.store import read_sidecar
from checkpoint_meta.workers import DIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkpoint_meta.catalog.found import Found
    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue
    from checkpoint_meta.paths import Layout
    from checkpoint_meta.sources.interface import Source

Document = dict[str, "JSONValue"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How checkpoints are read."""

    layout: Layout
    sources: Sequence[Source]
    complete: bool = False
    """Ask the other sources for what a sidecar of ours leaves open; this opens the checkpoint."""

    sidecars: bool = True
    """Believe sidecars."""

    whole: bool = True
    """Every field is wanted."""

    precedence: Sequence[str] = PRECEDENCE
    """The sources, the most trusted first."""

    @property
    def order(self) -> tuple[str, ...]:
        """Return the precedence with what a sidecar says: it is completed, not doubted."""
        return ("pinned", KEPT, *(name for name in self.precedence if name != "pinned"))


def read_facts(found: Found, reading: Reading) -> Facts:
    """Return what is known of one checkpoint; whatever is wrong with it is in the row."""
    reader = _Reader(found, reading)
    facts, fault = guarded(reader.read)
    return facts or Facts(reader.row(Status.INVALID, {}, fault, readable=False))


def lost_facts(found: Found, *, reading: Reading) -> Facts:
    """Return what is known of a checkpoint that no process survives."""
    reader = _Reader(found, reading)
    return Facts(reader.row(Status.INVALID, {}, DIED, readable=False))


class _Reader(NamedTuple):
    found: Found
    how: Reading

    def read(self) -> Facts:
        """Return the facts by what stands there."""
        if self.found.is_orphan:
            return self._orphan()
        if self.found.state is None:
            target = os.readlink(self.found.path)
            problem = f"a dangling link to {target}"
            return Facts(self.row(Status.MISSING, {}, problem, readable=False))
        if self._sidecar is None:
            return self._by_itself(Status.MISSING)
        document, fault = guarded(lambda: read_document(Path(str(self._sidecar))))
        if document is None:
            return self._by_itself(Status.INVALID, fault)
        return self._by_sidecar(document)

    @property
    def _checkpoint(self) -> CheckpointFile:
        """Return the checkpoint, or what it is a link to."""
        path = Path(self.found.path)
        if self.found.is_link:
            near = Path(os.path.normpath(path.parent / path.readlink()))
            # Not `Path.resolve`, which raises at a link that leads to itself.
            is_near = not near.is_symlink() and near.exists() and near.samefile(path)
            path = near if is_near else Path(os.path.realpath(path))
        return CheckpointFile(path, self.how.layout)

    @property
    def _sidecar(self) -> str | None:
        """Return the sidecar; a link without one of its own has its target's."""
        if self.found.sidecar or not (self.found.is_link and self.how.sidecars):
            return self.found.sidecar
        target = self._checkpoint.sidecar
        return str(target) if os.path.exists(target) else None

    def _borrowed(self) -> tuple[Watched, ...]:
        """Return the sidecar that a link has from its target, which no walk looks at for it."""
        own, read = self.found.sidecar, self._sidecar
        return () if own or read is None else (Watched(read, state_of(read)),)

    def _orphan(self) -> Facts:
        document, fault = guarded(lambda: read_document(Path(str(self.found.sidecar))))
        values = flatten(migrate(document, SCHEMA_VERSION)) if document else {}
        return Facts(self.row(Status.ORPHAN, values, fault, readable=False))

    def _by_sidecar(self, document: Document) -> Facts:
        if "written_by" not in document:
            return self._by_itself(Status.OK)
        holds = self._holds(document)
        if holds and not (self.how.complete and is_incomplete(document)):
            values = flatten(document if self.how.whole else light(document))
            return Facts(self.row(Status.OK, values), self._borrowed())
        current = CurrentSidecar(document, holds)
        if holds:
            return self._by_itself(Status.OK, None, current)
        problem = "the checkpoint changed since its sidecar was written"
        return self._by_itself(Status.STALE, problem, current)

    def _holds(self, document: Document) -> bool:
        """Tell whether the sidecar describes the checkpoint that lies there now."""
        recorded, state = document.get("checkpoint"), self.found.state
        if not isinstance(recorded, dict) or state is None:
            return True
        size, time = recorded.get("size_bytes"), recorded.get("mtime_ns")
        if size is None or (size, time) == (state.size, state.mtime_ns):
            return True
        if size != state.size:
            return False
        mark = recorded.get("fingerprint")
        # A copied file has a new time, and is the same checkpoint.
        return mark is not None and mark == read_contents(self._checkpoint).fingerprint

    def _by_itself(
        self, status: Status, problem: str | None = None, current: CurrentSidecar | None = None
    ) -> Facts:
        """Resolve what all sources say, in the order of trust."""
        checkpoint = self._checkpoint
        claims, fault = guarded(lambda: gather(checkpoint, self.how.sources))
        cut = claims is not None and read_contents(checkpoint).incomplete
        if claims is None:
            claims = self._by_older_sidecar(checkpoint)
        standing: tuple[Fragment, ...] = tuple(current.fragments()) if current else ()
        every = Claims((*claims.fragments, *standing), claims.notes)
        resolution = resolve_claims(every, self.how.order)
        values = {field: value for field, value in resolution.values.items() if value is not None}
        places = {origin.location for origin in resolution.provenance.values()}
        reasons = (problem, fault, "cut off" if cut else None)
        problem = "; ".join(reason for reason in reasons if reason) or None
        readable = fault is None and not cut
        row = self.row(status if readable else Status.INVALID, values, problem, readable=readable)
        return Facts(row, watched_places(checkpoint, places))

    def _by_older_sidecar(self, checkpoint: CheckpointFile) -> Claims:
        """Return what a sidecar says of a checkpoint that cannot be read."""
        claims, _ = guarded(lambda: gather(checkpoint, [SidecarSource()]))
        return claims or Claims(())

    def row(
        self,
        status: Status,
        values: Mapping[FieldPath, JSONValue],
        problem: str | None = None,
        *,
        readable: bool = True,
    ) -> Row:
        """Return the row."""
        found = self.found
        if problem:
            problem = problem.replace(f"{printable(found.path)}: ", "")
        return Row(
            found.path,
            found.run,
            status,
            found.sidecar or self._sidecar,
            found.state.size if found.state else None,
            found.state.mtime_ns if found.state else None,
            values,
            problem,
            readable,
            found.target,
        )


def read_document(path: Path) -> Document:
    """Return the document of a sidecar that is valid in its own version.

    Raises:
        ReadError: if it cannot be read.
        DocumentError: with every reason why it is not valid.
    """
    document = read_sidecar(path)
    problems = [problem for problem in check_document(document) if problem.code != "CM108"]
    if problems:
        raise DocumentError(problems, path)
    return document


def is_incomplete(document: Document) -> bool:
    """Tell whether other sources might know more: `convert` has asked them all already."""
    written_by = document.get("written_by")
    return not isinstance(written_by, dict) or not (
        written_by.get("how") == "convert" or "seen" in written_by
    )
