"""From a snapshot to the document of a sidecar."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.claims import Claims, resolve_claims
from checkpoint_meta.errors import CheckpointMetaError, ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.identity import stamp_of
from checkpoint_meta.paths import Layout
from checkpoint_meta.readers.fingerprint import read_fingerprint
from checkpoint_meta.schema.compose import compose_document
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.versions import SCHEMA_VERSION
from checkpoint_meta.sources.current import KEPT, CurrentSidecar
from checkpoint_meta.sources.filetime import iso_utc
from checkpoint_meta.sources.hydra import HydraSource
from checkpoint_meta.training.faults import logger
from checkpoint_meta.training.run import run_claims
from checkpoint_meta.version import TOOL, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.resolve import Resolution
    from checkpoint_meta.schema.compose import Stamp
    from checkpoint_meta.training.places import FileFacts, Place
    from checkpoint_meta.training.snapshot import TrainerSnapshot

Extra: TypeAlias = "Mapping[str, object] | Callable[..., Mapping[str, object]] | None"
"""Fields of the user's own, or a function of the Trainer that returns them."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may set; see `MetadataCallback`."""

    exp_name: str | None = None
    outputs_dir: Path | None = None
    training_phase: str = "training"
    schema_version: str = SCHEMA_VERSION
    sidecar_dir: Path | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    extra: Extra = None
    strict: bool = False

    @property
    def layout(self) -> Layout:
        """Return where sidecars stand."""
        return Layout(sidecar_dir=self.sidecar_dir, root=self.outputs_dir or Path())


def describe(
    snapshot: TrainerSnapshot, place: Place, facts: FileFacts, options: Options
) -> dict[str, JSONValue]:
    """Return the document to write beside the checkpoint."""
    resolution = _resolved(snapshot, place, facts, options)
    document = compose_document(
        resolution,
        checkpoint_path=place.name,
        checkpoint=_checkpoint_facts(snapshot, place, facts),
        written_by={"tool": TOOL, "version": VERSION, "how": "training"},
        stamps=_stamps(resolution, place),
    )
    if options.schema_version == SCHEMA_VERSION:
        return document
    return migrate(document, options.schema_version, folder=_folder(place, options))


def _resolved(
    snapshot: TrainerSnapshot, place: Place, facts: FileFacts, options: Options
) -> Resolution:
    own = dict(snapshot.values)
    own["created_at",] = _moment(facts)
    own["training", "training_phase"] = options.training_phase
    if options.exp_name is not None:
        own["exp_name",] = options.exp_name
    fragments = [
        Fragment(Origin("training", place.name), own),
        Fragment(Origin("module", snapshot.model_class), snapshot.weak_values, is_default=True),
        *_kept_fragments(place),
    ]
    run = Claims(()) if place.local is None else run_claims(place.local)
    resolution = resolve_claims(Claims((*fragments, *run.fragments), run.notes))
    for note in resolution.notes:
        logger.info("%s: %s", place.name, note)
    told = {path: one for path, one in resolution.provenance.items() if one.source != KEPT}
    return replace(resolution, provenance=told)


def _kept_fragments(place: Place) -> Iterator[Fragment]:
    """Yield what a person has put into the sidecar that stood there: pins, and keys of their own.

    Nothing else of it: it described the checkpoint that this one has replaced.
    """
    try:
        existing = place.read()
    except CheckpointMetaError:
        # Nothing that one could keep.
        return
    if existing is None:
        return
    current = CurrentSidecar(migrate(existing, SCHEMA_VERSION), holds=False)
    ours = current.provenance
    for fragment in current.fragments():
        values = {path: value for path, value in fragment.values.items() if path not in ours}
        yield fragment if fragment.origin.source == "pinned" else replace(fragment, values=values)


def _stamps(resolution: Resolution, place: Place) -> dict[FieldPath, Stamp]:
    """Return size and time of each file of the run that told something."""
    if place.local is None:
        return {}
    folder = place.local.sidecar.parent
    found = {
        path: stamp_of(folder / origin.location)
        for path, origin in resolution.provenance.items()
        if origin.source == HydraSource.name
    }
    return {path: stamp for path, stamp in found.items() if stamp is not None}


def _checkpoint_facts(
    snapshot: TrainerSnapshot, place: Place, facts: FileFacts
) -> dict[str, JSONValue]:
    return {
        "format": _format(place) if facts.is_folder else "torch-zip",
        "size_bytes": facts.size_bytes,
        "mtime_ns": facts.mtime_ns,
        "fingerprint": _fingerprint(place, facts),
        "weights_only": snapshot.weights_only,
    }


def _fingerprint(place: Place, facts: FileFacts) -> str | None:
    """Return the fingerprint of a local checkpoint, of a folder that of its `meta.pt`.

    A CheckpointIO may write any format it likes, which then has none.
    """
    if place.local is None:
        return None
    path = place.local.path
    try:
        return read_fingerprint(path / "meta.pt" if facts.is_folder else path)
    except ReadError:
        return None


def _format(place: Place) -> str | None:
    """Return the kind of a sharded folder."""
    if place.local is None:
        return None
    folder = place.local.path
    if (folder / "meta.pt").exists():
        return "fsdp"
    return "dcp" if (folder / ".metadata").exists() else "deepspeed"


def _moment(facts: FileFacts) -> str:
    """Return when the checkpoint was written, in UTC."""
    return iso_utc(time.time() if facts.mtime_ns is None else facts.mtime_ns / 1e9)


def _folder(place: Place, options: Options) -> str:
    """Return the sidecar's folder relative to the outputs folder, as 1.0 wants it."""
    if place.local is None:
        return ""
    base = options.outputs_dir or Path()
    return Path(os.path.relpath(place.local.path.parent, base)).as_posix()
