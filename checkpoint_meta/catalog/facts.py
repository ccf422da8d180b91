"""What is true of one checkpoint, by its sidecar or, where that does not hold, by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.described import read_described
from checkpoint_meta.catalog.marks import state_of
from checkpoint_meta.catalog.row import Facts, Row, Status, Watched
from checkpoint_meta.errors import printable
from checkpoint_meta.faults import guarded
from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.versions import SCHEMA_VERSION
from checkpoint_meta.workers import DIED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.catalog.described import Described
    from checkpoint_meta.catalog.found import Found
    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.sources.current import CurrentSidecar

Document = dict[str, "JSONValue"]


def read_facts(found: Found, reading: Reading) -> Facts:
    """Return what is known of one checkpoint; whatever is wrong with it is in the row."""
    reader = _Reader(found, reading)
    facts, fault = guarded(reader.read)
    return facts or Facts(reader.row(Status.INVALID, {}, fault, readable=False))


def lost_facts(found: Found, reading: Reading) -> Facts:
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
        described, fault = guarded(lambda: self._described(self._sidecar))
        if described is None:
            return self._by_itself(Status.INVALID, fault)
        return self._by_sidecar(described)

    def _described(self, sidecar: str | None) -> Described:
        return read_described(str(sidecar), whole=self.how.whole)

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
        described, fault = guarded(lambda: self._described(self.found.sidecar))
        values = flatten(migrate(described.document, SCHEMA_VERSION)) if described else {}
        return Facts(self.row(Status.ORPHAN, values, fault, readable=False))

    def _by_sidecar(self, described: Described) -> Facts:
        if "written_by" not in described.parts:
            return self._by_itself(Status.OK)
        holds = self._holds(described.get("checkpoint"))
        if holds and not (self.how.complete and is_incomplete(described.get("written_by"))):
            return Facts(self.row(Status.OK, described.values), self._borrowed())
        return self._beyond_sidecar(described.document, holds=holds)

    def _beyond_sidecar(self, document: Document, *, holds: bool) -> Facts:
        """Return the facts by all sources, and what the sidecar still says."""
        # Imported here: most sidecars hold, and are complete.
        from checkpoint_meta.sources.current import CurrentSidecar

        current = CurrentSidecar(document, holds)
        if holds:
            return self._by_itself(Status.OK, None, current)
        problem = "the checkpoint changed since its sidecar was written"
        return self._by_itself(Status.STALE, problem, current)

    def _holds(self, recorded: JSONValue) -> bool:
        """Tell whether a sidecar that recorded this describes the checkpoint that is there now."""
        state = self.found.state
        if not isinstance(recorded, dict) or state is None:
            return True
        size, time = recorded.get("size_bytes"), recorded.get("mtime_ns")
        if size is None or (size, time) == (state.size, state.mtime_ns):
            return True
        if size != state.size:
            return False
        mark = recorded.get("fingerprint")
        # A copied file has a new time, and is the same checkpoint.
        return mark is not None and mark == self._fingerprint()

    def _fingerprint(self) -> str | None:
        from checkpoint_meta.sources.reading import read_contents

        return read_contents(self._checkpoint).fingerprint

    def _by_itself(
        self, status: Status, problem: str | None = None, current: CurrentSidecar | None = None
    ) -> Facts:
        """Return the facts by all sources."""
        # Imported here: where every sidecar holds, no other source is asked.
        from checkpoint_meta.catalog.resolved import resolve_all

        found = resolve_all(self._checkpoint, self.how, current)
        reasons = (problem, *found.problems)
        problem = "; ".join(reason for reason in reasons if reason) or None
        if found.problems:
            status = Status.INVALID
        row = self.row(status, found.values, problem, readable=not found.problems)
        return Facts(row, found.watched)

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


def is_incomplete(written_by: JSONValue) -> bool:
    """Tell whether other sources might know more: `convert` has asked them all already."""
    return not isinstance(written_by, dict) or not (
        written_by.get("how") == "convert" or "seen" in written_by
    )
