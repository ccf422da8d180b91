"""What a walk meets, in parts that are looked at together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.catalog.found import Listing
from checkpoint_meta.workers import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from checkpoint_meta.catalog.found import Found, Unchanged
    from checkpoint_meta.catalog.row import Facts

    Met = Listing | Unchanged
    Kept = dict[str, Facts]


class Part(NamedTuple):
    """Some folders, and what is not known yet of what they hold."""

    folders: list[tuple[Met, Kept]]
    """Each with what is known of its checkpoints already, by name."""

    unknown: list[Found]
    """Those that must be read, in the order of the folders."""


def parts_of(met: Iterable[Met], known: Callable[[Listing], Kept]) -> Iterator[Part]:
    """Yield what is met in parts of about `CHUNK` checkpoints that are not known.

    A folder is never in two parts, and one that needs no reading waits for no other.
    """
    part = Part([], [])
    for one in met:
        kept = known(one) if isinstance(one, Listing) else {}
        part.folders.append((one, kept))
        if isinstance(one, Listing):
            part.unknown.extend(found for found in one.found if found.name not in kept)
        if not part.unknown or len(part.unknown) >= CHUNK:
            yield part
            part = Part([], [])
    if part.folders:
        yield part


def without_sidecars(met: Iterable[Met]) -> Iterator[Met]:
    """Yield the same as if there were no sidecars."""
    for one in met:
        if not isinstance(one, Listing):
            yield one
            continue
        checkpoints = [
            found._replace(sidecar=None, sidecar_state=None)
            for found in one.found
            if not found.is_orphan
        ]
        yield one._replace(found=checkpoints)
