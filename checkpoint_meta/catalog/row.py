"""One checkpoint as the catalog knows it."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from checkpoint_meta.catalog.fields import ROW_FIELDS
from checkpoint_meta.evidence import FieldPath, JSONValue

if TYPE_CHECKING:
    from collections.abc import Sequence


class Status(StrEnum):
    """How a checkpoint and its sidecar stand to each other."""

    OK = "ok"
    MISSING = "missing"
    """No sidecar: the row has what can be read from the checkpoint itself."""

    STALE = "stale"
    """The checkpoint is no longer the one that the sidecar describes."""

    INVALID = "invalid"
    """The sidecar is not valid, or the checkpoint cannot be read."""

    ORPHAN = "orphan"
    """A sidecar without its checkpoint."""


_LIGHT_BLOCKS: Final = frozenset(
    {
        "exp_name",
        "created_at",
        "training",
        "metrics",
        "checkpointing",
        "hydra_config_path",
        *ROW_FIELDS,
    }
)
_LIGHT: Final = frozenset({("model", "architecture"), ("model", "encoder", "model_name")})


def is_light(field: FieldPath) -> bool:
    """Tell whether lists show this field often; the others are read only when asked for."""
    return field[0] in _LIGHT_BLOCKS or field in _LIGHT


def light(document: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Return the blocks of a document that hold light fields."""
    return {key: document[key] for key in document if has_light(key)}


def has_light(key: str) -> bool:
    """Tell whether a document has light fields under a key of its own."""
    return key in _LIGHT_BLOCKS or key == "model"


@lru_cache(maxsize=1024)
def _light_fields(fields: tuple[FieldPath, ...]) -> tuple[FieldPath, ...]:
    """Return the light ones; most checkpoints have the same fields."""
    return tuple(filter(is_light, fields))


Shape = dict[FieldPath, int]

_SHARED: Final = 256
"""Fields of a shape that is remembered: memory does not grow with how many differ."""


def shape_of(fields: tuple[FieldPath, ...]) -> Shape:
    """Return the place of each field; mostly the same object for the same fields."""
    return _shared_shape(fields) if len(fields) <= _SHARED else _places(fields)


def _places(fields: tuple[FieldPath, ...]) -> Shape:
    return {field: place for place, field in enumerate(fields)}


_shared_shape: Final = lru_cache(maxsize=1024)(_places)


class Record(Mapping[FieldPath, JSONValue]):
    """Values by field; the fields are shared by all records that have the same.

    A dictionary for each of 100,000 checkpoints would not fit into 100 MB.
    """

    __slots__ = ("cells", "shape")

    def __init__(self, shape: Shape, cells: Sequence[JSONValue]) -> None:
        self.shape = shape
        self.cells = cells

    @classmethod
    def of(cls, values: Mapping[FieldPath, JSONValue], *, whole: bool = True) -> Record:
        """Return the record of these values; else of the light fields among them."""
        fields = tuple(values)
        if not whole:
            fields = _light_fields(fields)
        return cls(shape_of(fields), tuple(map(values.__getitem__, fields)))

    @classmethod
    def packed(cls, values: Mapping[FieldPath, JSONValue], *, whole: bool = True) -> Record:
        """Return the same, or `values` if they are packed."""
        return values if isinstance(values, Record) else cls.of(values, whole=whole)

    def __getitem__(self, field: FieldPath) -> JSONValue:
        return self.cells[self.shape[field]]

    def get(self, field: FieldPath, default: JSONValue = None) -> JSONValue:  # type: ignore[override]
        """Return the value of a field, without the detour over an exception."""
        place = self.shape.get(field)
        return default if place is None else self.cells[place]

    def __contains__(self, field: object) -> bool:
        return field in self.shape

    def __iter__(self) -> Iterator[FieldPath]:
        return iter(self.shape)

    def __len__(self) -> int:
        return len(self.shape)


def is_eligible(status: Status, link: str | None, *, readable: bool) -> bool:
    """Tell whether a checkpoint may be called the best: no link, and it is what it says."""
    return link is None and readable and status is not Status.STALE


class FileState(NamedTuple):
    """What tells, without opening a file, that it is still the same."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Watched(NamedTuple):
    """A file or folder, which may also be watched for not being there."""

    path: str
    state: FileState | None

    @classmethod
    def of(cls, path: str, state: Sequence[int] | None) -> Watched:
        """Return what was kept as JSON."""
        return cls(path, None if state is None else FileState(*state))


class Row(NamedTuple):
    """What the catalog says about one checkpoint."""

    path: str
    """The checkpoint, or, for an orphan, where it would be."""

    run: str
    """Folder of the run."""

    status: Status
    sidecar: str | None
    """The sidecar that stands there."""

    size: int | None
    """Of the checkpoint, in bytes; `None` where there is none."""

    mtime_ns: int | None
    values: Mapping[FieldPath, JSONValue]
    problem: str | None = None
    """Why the status is not `ok`, where there is more to say."""

    readable: bool = True
    """The checkpoint is there, and is one as far as anybody looked."""

    link: str | None = None
    """What the checkpoint is a symbolic link to."""

    @property
    def has_metadata(self) -> bool:
        """Tell whether a sidecar describes this very checkpoint."""
        return self.sidecar is not None and self.status is Status.OK

    @property
    def is_eligible(self) -> bool:
        """Tell whether the checkpoint may be called the best."""
        return is_eligible(self.status, self.link, readable=self.readable)

    @property
    def location(self) -> str:
        """Return the path that exists: the sidecar's for an orphan."""
        return self.sidecar if self.status is Status.ORPHAN and self.sidecar else self.path

    @property
    def name(self) -> str:
        """Return the checkpoint's path below its run."""
        head = f"{self.run}{os.sep}"
        if self.path.startswith(head):
            return self.path[len(head) :]
        return os.path.relpath(self.path, self.run)


class Facts(NamedTuple):
    """A row, and what must not have changed for it to hold."""

    row: Row
    watched: tuple[Watched, ...] = ()


class RowFields(Mapping[FieldPath, JSONValue]):
    """A row's values, and what the row itself has, by the names that queries use."""

    __slots__ = ("_now", "_row", "_values")

    def __init__(self, row: Row, now: float) -> None:
        self._row = row
        self._values = row.values
        self._now = now

    def __getitem__(self, field: FieldPath) -> JSONValue:
        if field in self._values or len(field) != 1:
            return self._values[field]
        match field[0]:
            case "path":
                return self._row.path
            case "run":
                return self._row.run
            case "status":
                return self._row.status.value
            case "size":
                return self._row.size
            case "age":
                return age_in_days(self._row, self._now)
        raise KeyError(field)

    def __contains__(self, field: object) -> bool:
        return field in self._values or field in _OWN

    def __iter__(self) -> Iterator[FieldPath]:
        yield from self._values
        yield from _OWN

    def __len__(self) -> int:
        return len(self._values) + len(_OWN)


_OWN: Final = frozenset((name,) for name in ROW_FIELDS)


def age_in_days(row: Row, now: float) -> float | None:
    """Return how long ago the checkpoint was written."""
    written = row.values.get(("created_at",))
    try:
        moment = datetime.fromisoformat(str(written)).timestamp()
    except ValueError:
        if row.mtime_ns is None:
            return None
        moment = row.mtime_ns / 1e9
    return (now - moment) / 86400
