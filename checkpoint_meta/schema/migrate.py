"""Sidecars from one schema version to another; what the other has no place for is kept aside."""

from __future__ import annotations

import copy
import posixpath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import DocumentError
from checkpoint_meta.evidence import Problem
from checkpoint_meta.schema.fields import look_up, put
from checkpoint_meta.schema.versions import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from checkpoint_meta.evidence import FieldPath, JSONValue

    Document: TypeAlias = dict[str, JSONValue]
    Upgrade: TypeAlias = Callable[[Document], Document]

REQUIRED_TEXTS: Final[tuple[FieldPath, ...]] = (
    ("exp_name",),
    ("created_at",),
    ("model", "architecture"),
    ("model", "encoder", "model_name"),
    ("model", "decoder", "name"),
    ("model", "head", "name"),
    ("model", "loss", "name"),
    ("checkpointing", "monitor"),
)
"""Where 1.0 holds the word `unknown` and 2.0 holds nothing."""

REQUIRED_FACTS: Final[tuple[FieldPath, ...]] = (
    ("training", "epoch"),
    ("training", "global_step"),
    ("checkpointing", "mode"),
)
"""Without these no 1.0 document can be written."""

_DEMANDED: Final = (
    "nobody knows it, and schema 1.0 demands it; write 2.0, or say it in a 2.0 sidecar first"
)

NULLABLE: Final[frozenset[FieldPath]] = frozenset(
    {
        ("training", "max_epochs"),
        ("model", "decoder", "inner_channels"),
        ("model", "decoder", "output_channels"),
        ("model", "head", "in_channels"),
        ("metrics", "precision"),
        ("metrics", "recall"),
        ("metrics", "hmean"),
        ("metrics", "validation_loss"),
        ("hydra_config_path",),
        ("wandb_run_id",),
    }
)
"""Where 1.0 accepts null."""

OWN_PATHS: Final[tuple[str, ...]] = ("checkpoint_path", "hydra_config_path")
"""Relative to the outputs folder in 1.0, to the sidecar's own folder in 2.0."""


def migrate(document: Mapping[str, JSONValue], version: str, *, folder: str = "") -> Document:
    """Return the document in another schema version; the argument stays as it is.

    `folder` is the sidecar's folder relative to the outputs folder, with `/`; 1.0 needs it for
    its paths, unless the document was upgraded from 1.0 and remembers.

    Raises:
        DocumentError: if 1.0 demands a fact that nobody knows.
    """
    migrated: Document = copy.deepcopy(dict(document))
    if migrated.get("schema_version") == version:
        return migrated
    if version == "1.0":
        return _to_1_0(migrated, folder)
    while (step := UPGRADES.get(str(migrated.get("schema_version")))) is not None:
        migrated = step[1](migrated)
    return migrated


def _from_1_0(document: Document) -> Document:
    said = {key: document[key] for key in OWN_PATHS if key in document}
    folder = posixpath.dirname(str(document.get("checkpoint_path", "")))
    for path in REQUIRED_TEXTS:
        if look_up(document, path) == UNKNOWN:
            _drop(document, path)
    document["schema_version"] = "2.0"
    document |= _own_paths_2_0(said, folder)
    document["upgraded_from"] = {"schema_version": "1.0", **said}
    return document


def _own_paths_2_0(said: Mapping[str, JSONValue], folder: str) -> Document:
    """Return 1.0's paths as 2.0 writes them; an absolute path or null stays."""
    return {
        key: posixpath.relpath(value, folder or ".")
        if isinstance(value, str)
        and value
        and not posixpath.isabs(value)
        and not posixpath.isabs(folder)
        else value
        for key, value in said.items()
    }


def _to_1_0(document: Document, folder: str) -> Document:
    missing = [
        Problem("CM104", path, _DEMANDED)
        for path in REQUIRED_FACTS
        if look_up(document, path) is None
    ]
    if missing:
        raise DocumentError(missing)
    said = document.pop("upgraded_from", None)
    document["schema_version"] = "1.0"
    document |= _own_paths_1_0(document, said if isinstance(said, dict) else {}, folder)
    _drop_nulls(document, ())
    for path in REQUIRED_TEXTS:
        if look_up(document, path) is None:
            put(document, path, UNKNOWN)
    _fit_metrics(document)
    _fit_loss(document)
    if look_up(document, ("checkpointing", "save_last")) == "link":
        put(document, ("checkpointing", "save_last"), True)  # noqa: FBT003 - a value, no flag
    return document


def _own_paths_1_0(document: Document, said: Mapping[str, JSONValue], folder: str) -> Document:
    """Return 2.0's paths as 1.0 writes them; what was read from 1.0 comes back as it was."""
    former = posixpath.dirname(str(said.get("checkpoint_path", "")))
    unchanged = _own_paths_2_0(said, former)
    paths: Document = {}
    for key in OWN_PATHS:
        if key not in document:
            continue
        value = document[key]
        if key in said and value == unchanged.get(key) and not folder:
            paths[key] = said[key]
        elif isinstance(value, str) and not posixpath.isabs(value):
            paths[key] = posixpath.normpath(posixpath.join(folder or former, value))
    return paths


def _fit_metrics(document: Document) -> None:
    """Move a negative loss, which 1.0 refuses, among the other metrics."""
    metrics = document.setdefault("metrics", {})
    if not isinstance(metrics, dict):
        return
    loss = metrics.get("validation_loss")
    if isinstance(loss, (int, float)) and loss < 0:
        del metrics["validation_loss"]
        others = metrics.setdefault("additional_metrics", {})
        if isinstance(others, dict):
            others.setdefault("validation_loss", loss)


def _fit_loss(document: Document) -> None:
    """Keep the loss parameters that are no numbers beside those that 1.0 accepts."""
    loss = look_up(document, ("model", "loss"))
    params = loss.get("params") if isinstance(loss, dict) else None
    if not isinstance(loss, dict) or not isinstance(params, dict):
        return
    others: Document = {
        key: value
        for key, value in params.items()
        if isinstance(value, bool) or not isinstance(value, (int, float))
    }
    if others:
        loss["params"] = {key: value for key, value in params.items() if key not in others}
        loss["other_params"] = others


def _drop_nulls(block: Document, prefix: FieldPath) -> None:
    """Take out each null that 1.0 does not accept, in the blocks that it knows."""
    for key in list(block):
        path = (*prefix, key)
        value = block[key]
        if isinstance(value, dict):
            _drop_nulls(value, path)
        elif value is None and path not in NULLABLE and path[0] in _BLOCKS_1_0:
            del block[key]


_BLOCKS_1_0: Final = frozenset(
    {"exp_name", "created_at", "training", "model", "metrics", "checkpointing"}
)


def _drop(document: Document, path: FieldPath) -> None:
    block = look_up(document, path[:-1]) if path[:-1] else document
    if isinstance(block, dict):
        block.pop(path[-1], None)


UPGRADES: Final[dict[str, tuple[str, Upgrade]]] = {"1.0": ("2.0", _from_1_0)}
"""Version -> (next version, upgrade). A version that is missing here is current."""
