"""W&B's own record of a run, `run-<id>.wandb`, read without wandb or protobuf.

It is the only file that every version from 0.12 on leaves, offline too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.leveldb_log import iter_records
from checkpoint_meta.readers.protobuf import WireError, WireValue, blocks_of, fields_of
from checkpoint_meta.readers.scalar_table import NotALogError, ScalarTable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue

STEP: Final = "trainer/global_step"
"""Name under which Lightning's WandbLogger logs the step; `_step` only counts the rows."""

MOST_CONFIG_BYTES: Final = 8 * 1024 * 1024
MOST_FILES: Final = 100_000
_DEEPEST_KEY: Final = 32

# Numbers of fields in wandb_internal.proto; they never change.
_HISTORY, _CONFIG, _ARTIFACT, _RUN = 2, 5, 8, 17
_ITEM, _UPDATE = 1, 1
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16
_RUN_ID, _RUN_ENTITY, _RUN_PROJECT, _RUN_CONFIG, _RUN_START = 1, 2, 3, 4, 17
_ARTIFACT_METADATA, _ARTIFACT_MANIFEST, _MANIFEST_CONTENTS = 8, 12, 4
_ENTRY_PATH, _ENTRY_DIGEST, _ENTRY_SIZE = 1, 2, 4
_SHORT_ITEM: Final = re.compile(
    rb"[\x0a\x12]([\x00-\x7f])(.*?)\x82\x01([\x00-\x7f])(.*)", re.DOTALL
)
"""One key, then the value, whose lengths take one byte each, as nearly all of them do."""

_TEXTS_OF_NUMBERS: Final = frozenset({b'"NaN"', b'"Infinity"', b'"-Infinity"'})


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file of an artifact that the run logged."""

    path: str
    """Inside the artifact."""

    digest: str
    """MD5 of the file in base64."""

    size_bytes: int
    metadata: JSONValue = None
    """What was said of the whole artifact."""


@dataclass(slots=True)
class WandbRun:
    """What one file tells of a run; what it does not tell is `None` or empty."""

    run_id: str | None = None
    entity: str | None = None
    project: str | None = None
    started: int | None = None
    """In seconds since 1970."""

    config: dict[str, JSONValue] = field(default_factory=dict)
    history: ScalarTable = field(default_factory=ScalarTable)
    """Rows that Lightning logged, by its step."""

    files: list[ArtifactFile] = field(default_factory=list)


def read_wandb_log(path: Path) -> WandbRun:
    """Return what a `run-<id>.wandb` tells, up to where it was cut off.

    Raises:
        ReadError: if the file cannot be read, or is no such log.
    """
    builder = _Builder()
    try:
        with path.open("rb") as stream:
            for record in iter_records(stream):
                builder.add(record)
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from error
    except (NotALogError, WireError) as error:
        raise ReadError(path, f"not a W&B log ({error})") from error
    return builder.run


@dataclass(slots=True)
class _Builder:
    """Takes records in their order; unknown ones and unknown fields are passed over."""

    run: WandbRun = field(default_factory=WandbRun)
    _config_bytes: int = 0

    def add(self, record: bytes) -> None:
        for number, value in fields_of(record):
            if not isinstance(value, bytes):
                continue
            if number == _HISTORY:
                self._add_row(value)
            elif number == _CONFIG:
                self._add_config(value)
            elif number == _RUN:
                self._add_run(value)
            elif number == _ARTIFACT:
                self._add_artifact(value)

    def _add_row(self, history: bytes) -> None:
        row: dict[str, float] = {}
        for item in blocks_of(history, _ITEM):
            path, text = _parse_item(item)
            number = _number(text)
            if number is not None:
                row[".".join(path)] = number
            elif text.startswith(b"{"):
                # Up to 0.17 the client wrote a mapping whole, and later each number inside.
                row |= _numbers_below(_parse_json(text), ".".join(path))
        step = row.pop(STEP, None)
        if step is not None:
            # Sorted: newer versions write the items of each row in another order.
            named = {name: row[name] for name in sorted(row) if not name.startswith("_")}
            self.run.history.append(step, named)

    def _add_config(self, config: bytes) -> None:
        for item in blocks_of(config, _UPDATE):
            self._config_bytes += len(item)
            path, text = _parse_item(item)
            if self._config_bytes <= MOST_CONFIG_BYTES and 0 < len(path) <= _DEEPEST_KEY:
                _put(self.run.config, path, _parse_json(text))

    def _add_run(self, record: bytes) -> None:
        texts = {number: value for number, value in fields_of(record) if isinstance(value, bytes)}
        self.run.run_id = _text(texts.get(_RUN_ID)) or self.run.run_id
        self.run.entity = _text(texts.get(_RUN_ENTITY)) or self.run.entity
        self.run.project = _text(texts.get(_RUN_PROJECT)) or self.run.project
        self._add_config(texts.get(_RUN_CONFIG, b""))
        started = dict(fields_of(texts.get(_RUN_START, b""))).get(1)
        if isinstance(started, int) and self.run.started is None:
            self.run.started = started

    def _add_artifact(self, record: bytes) -> None:
        fields = dict(fields_of(record))
        manifest, metadata = fields.get(_ARTIFACT_MANIFEST), fields.get(_ARTIFACT_METADATA)
        told = _parse_json(metadata) if isinstance(metadata, bytes) else None
        for entry in _blocks(manifest, _MANIFEST_CONTENTS):
            values = dict(fields_of(entry))
            path, digest = _text(values.get(_ENTRY_PATH)), _text(values.get(_ENTRY_DIGEST))
            size = values.get(_ENTRY_SIZE, 0)
            if path and digest and isinstance(size, int) and len(self.run.files) < MOST_FILES:
                self.run.files.append(ArtifactFile(path, digest, size, told))


def _blocks(message: WireValue | None, number: int) -> Iterable[bytes]:
    return blocks_of(message, number) if isinstance(message, bytes) else ()


def _parse_item(item: bytes) -> tuple[list[str], bytes]:
    """Return the path of an item of the history or the configuration, and its value as JSON."""
    found = _SHORT_ITEM.fullmatch(item)
    if found and (len(found[2]), len(found[4])) == (found[1][0], found[3][0]):
        return [found[2].decode("utf-8", "replace")], found[4]
    path: list[str] = []
    text = b""
    for number, value in fields_of(item):
        if not isinstance(value, bytes):
            continue
        if number == _VALUE_JSON:
            text = value
        elif number in (_KEY, _NESTED_KEY):
            path.append(value.decode("utf-8", "replace"))
    return path, text


def _numbers_below(value: JSONValue, name: str) -> dict[str, float]:
    """Return the numbers inside mappings by their names, joined with dots as newer clients do."""
    if isinstance(value, dict) and name.count(".") < _DEEPEST_KEY:
        return {
            key: number
            for inner, item in value.items()
            for key, number in _numbers_below(item, f"{name}.{inner}").items()
        }
    number = None if isinstance(value, (bool, dict)) else _number(json.dumps(value).encode())
    return {} if number is None else {name: number}


def _number(text: bytes) -> float | None:
    try:
        return float(text.strip(b'"') if text in _TEXTS_OF_NUMBERS else text)
    except ValueError:
        return None


def _parse_json(text: bytes) -> JSONValue:
    try:
        value: JSONValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _text(value: WireValue | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) and value else None


def _put(config: dict[str, JSONValue], path: list[str], value: JSONValue) -> None:
    for key in path[:-1]:
        inner = config.get(key)
        if not isinstance(inner, dict):
            inner = config[key] = {}
        config = inner
    config[path[-1]] = value
