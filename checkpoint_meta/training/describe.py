"""From a snapshot to the document of a sidecar."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.paths import Layout
from checkpoint_meta.resolve import resolve
from checkpoint_meta.schema.compose import compose_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.sources.filetime import iso_utc
from checkpoint_meta.training.run import run_fragments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.training.interface import TrainerLike
    from checkpoint_meta.training.places import FileFacts, Place
    from checkpoint_meta.training.snapshot import TrainerSnapshot

Extra: TypeAlias = "Mapping[str, object] | Callable[[TrainerLike], Mapping[str, object]] | None"
"""Fields of the user's own, or a function of the Trainer that returns them."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may set; see `MetadataCallback`."""

    exp_name: str | None = None
    outputs_dir: Path | None = None
    training_phase: str = "training"
    schema_version: str = "2.0"
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
    resolution = resolve(_fragments(snapshot, place, facts, options))
    document = compose_document(
        resolution,
        checkpoint_path=place.name,
        checkpoint=_checkpoint_facts(snapshot, place, facts),
        written_by={
            "tool": "checkpoint-meta",
            "version": version("checkpoint-meta"),
            "how": "training",
        },
    )
    if options.schema_version == "2.0":
        return document
    return migrate(document, options.schema_version, folder=_folder(place, options))


def _fragments(
    snapshot: TrainerSnapshot, place: Place, facts: FileFacts, options: Options
) -> Iterator[Fragment]:
    own = dict(snapshot.values)
    own["created_at",] = _moment(facts)
    own["training", "training_phase"] = options.training_phase
    if options.exp_name is not None:
        own["exp_name",] = options.exp_name
    yield Fragment(Origin("training", place.name), own, notes=snapshot.notes)
    yield Fragment(Origin("module", snapshot.model_class), snapshot.weak_values)
    existing = place.read()
    if existing is not None:
        yield _pinned(existing, place)
    if place.local is not None:
        yield from run_fragments(place.local)


def _pinned(existing: Mapping[str, JSONValue], place: Place) -> Fragment:
    """Return the fields that a person has pinned in the sidecar that stands there."""
    pins = existing.get("pinned")
    names = [pin for pin in pins if isinstance(pin, str)] if isinstance(pins, list) else []
    paths = [tuple(name.split(".")) for name in names]
    values = {path: value for path in paths if (value := look_up(existing, path)) is not None}
    if names:
        values["pinned",] = list(names)
    return Fragment(Origin("pinned", place.name), values)


def _checkpoint_facts(
    snapshot: TrainerSnapshot, place: Place, facts: FileFacts
) -> dict[str, JSONValue]:
    return {
        "format": _format(place) if facts.is_folder else "torch-zip",
        "size_bytes": facts.size_bytes,
        "mtime_ns": facts.mtime_ns,
        "weights_only": snapshot.weights_only,
    }


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
