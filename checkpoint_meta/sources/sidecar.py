"""What a sidecar that stands there already says, of whatever version and shape."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, read_text
from checkpoint_meta.schema.fields import flatten, look_up
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.schema.versions import UNKNOWN
from checkpoint_meta.sources.contents import numbers
from checkpoint_meta.sources.current import STAMPED
from checkpoint_meta.sources.interface import location_of
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile

_NOT_CLAIMED: Final = STAMPED | {"hydra_config_path"}
"""Keys of an older sidecar that are found or written afresh."""

_BARE: Final = frozenset({"precision", "recall", "hmean"})


class SidecarSource:
    """The sidecar of the checkpoint, and those that earlier writers left under other names."""

    name: ClassVar[str] = "sidecar-1.0"

    def mark(self, checkpoint: CheckpointFile) -> str:
        """Return a mark of the sidecars that stand under other names."""
        return mark_of(checkpoint.older_sidecars, checkpoint.path.parent)

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield the claims of each sidecar that an older tool wrote, also after its upgrade.

        Raises:
            ReadError: if a sidecar is there, but cannot be read.
        """
        for path in (checkpoint.sidecar, *checkpoint.older_sidecars):
            if not path.exists():
                continue
            document = read_any_sidecar(path)
            origin = Origin(self.name, location_of(path, checkpoint))
            if "written_by" in document:
                # Ours: what it says is kept, not claimed.
                continue
            if "schema_version" not in document and "config" in document:
                yield Fragment(origin, _oldest(document))
            elif document.get("schema_version") == "1.0" or "upgraded_from" in document:
                yield _legacy(migrate(document, "2.0"), origin)


def read_any_sidecar(path: Path) -> dict[str, JSONValue]:
    """Return the document of a YAML or JSON sidecar.

    Raises:
        ReadError: if it cannot be read as a mapping.
    """
    if path.suffix != ".json":
        return read_sidecar(path)
    try:
        document: object = json.loads(read_text(path, SIDECAR_BYTES))
    except (ValueError, RecursionError) as error:
        raise ReadError(path, f"not JSON ({error})") from error
    if not isinstance(document, dict):
        raise ReadError(path, "not a sidecar: no mapping of fields")
    return document


def _legacy(document: dict[str, JSONValue], origin: Origin) -> Fragment:
    """Return what an upgraded 1.0 document claims, without its filler."""
    values: dict[FieldPath, JSONValue] = {
        field: value
        for field, value in flatten(document).items()
        if field[0] not in _NOT_CLAIMED and value not in (None, [], {}, UNKNOWN)
    }
    _drop_filler(values)
    notes: tuple[str, ...] = ()
    if _written_by_old_callback(values):
        notes = ("the old callback's epoch and metrics are another moment's; they are left out",)
        values = {
            field: value
            for field, value in values.items()
            if field[0] not in {"metrics", "created_at"}
            and field[:2] not in {("training", "epoch"), ("training", "global_step")}
        }
    return Fragment(origin, values, notes=notes)


def _drop_filler(values: dict[FieldPath, JSONValue]) -> None:
    """Take out what 1.0 writers put in for want of knowledge."""
    if ("model", "encoder", "model_name") not in values:
        values.pop(("model", "encoder", "pretrained"), None)
        values.pop(("model", "encoder", "frozen"), None)
    if values.get(("model", "architecture")) == "ocrmodel":
        # The class of every model of that project in lower case, not an architecture.
        del values["model", "architecture"]
    written = values.get(("created_at",))
    if not isinstance(written, str) or not has_zone(written):
        values.pop(("created_at",), None)


def has_zone(written: str) -> bool:
    """Tell whether a time is ISO 8601 with its zone."""
    try:
        return datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        return False


def _written_by_old_callback(values: dict[FieldPath, JSONValue]) -> bool:
    """Tell the old callback by its signature: an unknown model, and names as they were logged."""
    names = {field[2] for field in values if field[:2] == ("metrics", "additional_metrics")}
    return not any(field[0] == "model" for field in values) and bool(names - _BARE)


def _oldest(document: dict[str, JSONValue]) -> dict[FieldPath, JSONValue]:
    """Return the claims of `x.metadata.json` from before there were schemas."""
    values = dict(name_metrics(numbers(document.get("metrics"))).values)
    places: tuple[tuple[FieldPath, FieldPath], ...] = (
        (("training", "epoch"), ("training", "epoch")),
        (("training", "global_step"), ("training", "global_step")),
        (("training", "training_phase"), ("training", "training_phase")),
        (("model", "architecture"), ("model", "architecture")),
        (("model", "encoder"), ("model", "encoder", "model_name")),
        (("config", "monitor"), ("checkpointing", "monitor")),
        (("config", "mode"), ("checkpointing", "mode")),
        (("config", "save_top_k"), ("checkpointing", "save_top_k")),
    )
    for there, here in places:
        value = look_up(document, there)
        if value is not None:
            values[here] = value
    return values
