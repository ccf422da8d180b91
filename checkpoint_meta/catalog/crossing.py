"""What crosses between processes when a catalog is read, as plain tuples.

Named tuples and records take five times as long to send, which is as long as to read a sidecar.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from checkpoint_meta.catalog.facts import lost_facts, read_facts
from checkpoint_meta.catalog.found import Found
from checkpoint_meta.catalog.marks import prefix_of
from checkpoint_meta.catalog.row import Facts, FileState, Record, Row, Status, Watched, shape_of
from checkpoint_meta.workers import map_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from checkpoint_meta.catalog.parts import Part
    from checkpoint_meta.catalog.reading import Reading
    from checkpoint_meta.catalog.row import Shape
    from checkpoint_meta.evidence import JSONValue

    States = tuple[int, ...] | None
    Asked: TypeAlias = tuple[str, str, str, States, str | None, States, bool]
    """A `Found`."""

    Told: TypeAlias = tuple[
        str,
        str | None,
        Shape,
        Sequence[JSONValue],
        str | None,
        bool,
        str | None,
        tuple[tuple[str, States], ...],
    ]
    """Facts without what is known of what was found."""


class Readers(NamedTuple):
    """The work of another process."""

    reading: Reading
    is_watching: bool
    """Send what must not have changed for a row to hold."""

    def read(self, asked: Asked) -> Told:
        """Return what is known of one checkpoint."""
        return self._told(read_facts(_found(asked), self.reading))

    def lose(self, asked: Asked) -> Told:
        """Return what is known of a checkpoint that no process survives."""
        return self._told(lost_facts(_found(asked), self.reading))

    def _told(self, facts: Facts) -> Told:
        row = facts.row
        values = Record.packed(row.values, whole=self.reading.whole)
        watched = tuple((one.path, one.state and tuple(one.state)) for one in facts.watched)
        return (
            row.status.value,
            row.sidecar,
            values.shape,
            values.cells,
            row.problem,
            row.readable,
            row.link,
            watched if self.is_watching else (),
        )


def read_elsewhere(
    parts: Iterable[Part], readers: Readers, jobs: int
) -> Iterator[tuple[Part, Iterable[Facts]]]:
    """Yield each part with the facts of what is unknown in it, read by so many processes."""
    sent: deque[Part] = deque()
    chunks = _asked(parts, sent)
    for told in map_chunks(readers.read, chunks, jobs, readers.lose):
        part = sent.popleft()
        yield part, _facts(part.unknown, told)


def _asked(parts: Iterable[Part], sent: deque[Part]) -> Iterator[list[Asked]]:
    """Yield what is asked about each part, which is noted as sent."""
    for part in parts:
        sent.append(part)
        yield list(map(_ask, part.unknown))


def _ask(found: Found) -> Asked:
    state, sidecar_state = found.state, found.sidecar_state
    return (
        found.folder,
        found.name,
        found.run,
        state and tuple(state),
        found.sidecar,
        sidecar_state and tuple(sidecar_state),
        found.is_link,
    )


def _found(asked: Asked) -> Found:
    folder, name, run, state, sidecar, sidecar_state, is_link = asked
    return Found(folder, name, run, _state(state), sidecar, _state(sidecar_state), is_link)


def _state(numbers: States) -> FileState | None:
    return None if numbers is None else FileState(*numbers)


_STATUS: Final = {status.value: status for status in Status}


def _facts(found: Iterable[Found], told: Iterable[Told]) -> Iterator[Facts]:
    """Yield the facts that another process told of what it was asked about."""
    last = shape = shape_of(())
    folder = prefix = ""
    for one, (status, sidecar, sent, cells, problem, readable, link, watched) in zip(
        found, told, strict=True
    ):
        if sent is not last:
            # Rows of a chunk that have the same fields share what was sent.
            last, shape = sent, shape_of(tuple(sent))
        if one.folder is not folder:
            folder, prefix = one.folder, prefix_of(one.folder)
        state = one.state
        row = Row(
            f"{prefix}{one.name}",
            one.run,
            _STATUS[status],
            sidecar,
            state.size if state else None,
            state.mtime_ns if state else None,
            Record(shape, cells),
            problem,
            readable,
            link,
        )
        yield Facts(row, tuple(Watched(path, _state(numbers)) for path, numbers in watched))
