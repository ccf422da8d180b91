"""What a walk meets, in parts that are looked at together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.found import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from checkpoint_meta.catalog.found import Found, Unchanged
    from checkpoint_meta.catalog.row import Facts

    Met = Listing | Unchanged
    Kept = dict[str, Facts]


OPENING: Final = 5
"""Sidecars that are read in the time that it takes to open a checkpoint."""

ENOUGH: Final = 256
"""Sidecars that are read together: to hand fewer to another process takes too long for each."""


class Part(NamedTuple):
    """Some folders, and what is not known yet of what they hold."""

    folders: list[tuple[Met, Kept]]
    """Each with what is known of its checkpoints already, by name."""

    unknown: list[Found]
    """Those that must be read, in the order of the folders."""

    effort: int
    """How long it takes to read these, compared with a sidecar."""


def parts_of(met: Iterable[Met], known: Callable[[Listing], Kept]) -> Iterator[Part]:
    """Yield what is met in parts that take about as long as `ENOUGH` sidecars to read.

    A folder is never in two parts, and one that needs no reading waits for no other.
    """
    folders: list[tuple[Met, Kept]] = []
    unknown: list[Found] = []
    effort = 0
    for one in met:
        kept = known(one) if isinstance(one, Listing) else {}
        folders.append((one, kept))
        if isinstance(one, Listing):
            new = [found for found in one.found if found.name not in kept]
            effort += sum(1 if found.sidecar else OPENING for found in new)
            unknown += new
        if not unknown or effort >= ENOUGH:
            yield Part(folders, unknown, effort)
            folders, unknown, effort = [], [], 0
    if folders:
        yield Part(folders, unknown, effort)


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
