"""Which columns a list of checkpoints has, and what stands in them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.fields import OTHER_METRICS, Field, asked_field, find_field, in_order
from checkpoint_meta.catalog.kept_group import KeptValues
from checkpoint_meta.catalog.row import RowFields
from checkpoint_meta.catalog.sorting import MONITOR
from checkpoint_meta.errors import QueryError
from checkpoint_meta.evidence import show_field
from checkpoint_meta.metric_names import SPELLINGS, standing
from checkpoint_meta.resolve import agrees

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import FieldPath, JSONValue

_METRICS: Final = "metrics"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """As people write it in `--columns`, and what stands at its head."""

    field: Field | None = None
    """`None` for what is not a value of the sidecar."""

    def value(self, row: Row, now: float) -> JSONValue:
        """Return what stands in it for one row, as a program would want it."""
        if self.field is not None:
            # Most fields are where their name says; the rest takes three times as long.
            value = row.values.get(self.field.paths[0])
            return self.field.value(RowFields(row, now)) if value is None else value
        return _OWN[self.name](row)


_OWN: Final[dict[str, Callable[[Row], JSONValue]]] = {
    "run": lambda row: row.run,
    "checkpoint": lambda row: row.path,
    "sidecar": lambda row: row.sidecar,
    "status": lambda row: row.status.value,
    "size": lambda row: row.size,
    "link": lambda row: row.link,
    "problem": lambda row: row.problem,
}

LEADING: Final = ("run", "checkpoint", "epoch", "step")
TRAILING: Final = ("size", "status")


def column(name: str) -> Column:
    """Return the column of this name."""
    return Column(name) if name in _OWN else Column(name, find_field(name))


def default_columns(rows: Collection[Row], written: str = "age") -> list[Column]:
    """Return run, checkpoint, epoch, step, the metrics, age, size and status.

    Of the metrics those that are monitored, and those that differ. `written` is the column that
    tells when a checkpoint was written: programs want `created_at`.
    """
    has_link = has_problem = False
    metrics = Metrics()
    for row in rows:
        has_link = has_link or row.link is not None
        has_problem = has_problem or row.problem is not None
        metrics.look(row)
    names = [*LEADING, *metrics.names(rows), written, *TRAILING]
    names += ["link"] if has_link else []
    names += ["problem"] if has_problem else []
    return [column(name) for name in names]


class Metrics:
    """The metrics that are monitored, and those that differ."""

    def __init__(self) -> None:
        self._rows = 0
        self._monitored: dict[FieldPath, None] = {}
        self._distinct: dict[FieldPath, set[JSONValue]] = {}
        self._counts: Counter[FieldPath] = Counter()

    def look(self, row: Row) -> None:
        """Take note of one row's metrics."""
        self._rows += 1
        monitor = row.values.get(MONITOR)
        if isinstance(monitor, str):
            self._monitored[_field_of(monitor)] = None
        for field in _metrics(row.values):
            value = row.values.get(field)
            if isinstance(value, (int, float)):
                self._counts[field] += 1
                seen = self._distinct.setdefault(field, set())
                if len(seen) <= 1:
                    seen.add(value)

    def names(self, rows: Collection[Row]) -> list[str]:
        """Return their names; of metrics that say again what another says, only one."""
        differing = {
            field
            for field, seen in self._distinct.items()
            if len(seen) > 1 or self._counts[field] < self._rows
        }
        ordered = [field for field in self._monitored if field in self._distinct]
        ordered += sorted(differing - set(ordered), key=_rank)
        return [short_name(field) for field in _without_echoes(ordered, rows)]


def _metrics(values: Mapping[FieldPath, JSONValue]) -> Iterable[FieldPath]:
    """Return the fields of metrics that a row may have."""
    if isinstance(values, KeptValues):
        return _metrics_of(values.fields())
    return _metrics_of(tuple(values))


@lru_cache(maxsize=256)
def _metrics_of(fields: tuple[FieldPath, ...]) -> tuple[FieldPath, ...]:
    return tuple(field for field in fields if field[0] == _METRICS)


@lru_cache(maxsize=256)
def _field_of(monitor: str) -> FieldPath:
    """Return the field in which the monitored metric stands."""
    for name in SPELLINGS:
        if standing(name, monitor) is not None:
            return (_METRICS, name)
    return (*OTHER_METRICS, monitor)


def _rank(field: FieldPath) -> tuple[int, FieldPath]:
    known = list(SPELLINGS)
    return (known.index(field[1]) if field[1] in known else len(known)), field


def _without_echoes(fields: Iterable[FieldPath], rows: Collection[Row]) -> list[FieldPath]:
    """Return the fields without logged metrics that only say again what a field says."""
    return [
        field
        for field in fields
        if field[:2] != OTHER_METRICS
        or (home := _field_of(field[2])) == field
        or any(
            field in row.values and not agrees(row.values[field], row.values.get(home))
            for row in rows
        )
    ]


def short_name(field: FieldPath) -> str:
    """Return the shortest name by which a query finds the field."""
    name = field[-1]
    return name if field in find_field(name).paths else show_field(field)


def all_columns(rows: Iterable[Row]) -> list[Column]:
    """Return a column for each field that any row has."""
    fields: dict[FieldPath, None] = {}
    for row in rows:
        fields |= dict.fromkeys(row.values)
    ordered = in_order(tuple(fields))
    named = [Column(show_field(field), Field(show_field(field), (field,))) for field in ordered]
    return [*(column(name) for name in _OWN), *named]


def column_names(text: str) -> tuple[str, ...]:
    """Return the names in `A,B,+C,-D`.

    Raises:
        QueryError: if several fields have one of these names, or a sign has none.
    """
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    for name in names:
        bare = name.lstrip("+-")
        if not bare:
            raise QueryError(text, text.index(name), "expected a column behind + or -")
        if bare not in _OWN:
            asked_field(bare)
    return names


def choose_columns(
    wanted: Sequence[str], rows: Collection[Row], written: str = "age"
) -> list[Column]:
    """Return the columns that `A,B,+C,-D` asks for, a name at a time.

    Plain names stand in place of the default columns; `+` adds one, `-` takes one away.
    """
    plain = [name for name in wanted if name[0] not in "+-"]
    chosen = [column(name) for name in plain] if plain else default_columns(rows, written)
    added = [column(name[1:]) for name in wanted if name[0] == "+"]
    removed = {name[1:] for name in wanted if name[0] == "-"}
    names = {one.name for one in chosen}
    chosen += [one for one in added if one.name not in names]
    return [one for one in chosen if one.name not in removed]
