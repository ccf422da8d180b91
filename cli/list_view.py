"""How the rows of the catalog are printed, in each format."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from checkpoint_meta.catalog.columns import (
    all_columns,
    choose_columns,
    column,
    default_columns,
)
from checkpoint_meta.catalog.fields import ROW_FIELDS, in_order
from checkpoint_meta.catalog.row import is_light
from checkpoint_meta.catalog.row_list import RowList
from checkpoint_meta.errors import printable
from checkpoint_meta.schema.fields import nest

from .list_options import ListFormat
from .row_table import RowTable
from .table import Cell, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from checkpoint_meta.catalog.columns import Column
    from checkpoint_meta.catalog.fields import Field
    from checkpoint_meta.catalog.row import Row
    from checkpoint_meta.evidence import JSONValue

    from .output import Output


_MOST_PROBLEMS: Final = 5


@dataclass(frozen=True, slots=True)
class ListView:
    """Prints rows."""

    output: Output
    format: ListFormat
    now: float
    wanted: tuple[str, ...] = ()
    """What `--columns` says, a name at a time."""

    all_columns: bool = False
    print0: bool = False
    root: str = "."
    """What runs are shown relative to on a terminal."""

    best: Callable[[], frozenset[str]] = frozenset
    """Tells, once all rows have passed, which ones are marked."""

    def fields(self) -> list[Field]:
        """Return the fields of the sidecar that columns were asked for by name."""
        fields = (column(name.lstrip("+")).field for name in self.wanted if name[0] != "-")
        return [field for field in fields if field and field.name not in ROW_FIELDS]

    @property
    def is_whole(self) -> bool:
        """Tell whether fields are shown that lists usually do not show."""
        if self.all_columns:
            return True
        if self.wanted:
            fields = (column(name.lstrip("+-")).field for name in self.wanted)
            return any(not is_light(path) for field in fields if field for path in field.paths)
        return self.format in (ListFormat.JSON, ListFormat.JSONL)

    @property
    def marks_best(self) -> bool:
        """Tell whether the best of each run is marked."""
        return self.format in (ListFormat.TABLE, ListFormat.MARKDOWN)

    def show(self, rows: Iterable[Row]) -> None:
        """Print the rows; line by line, as they come, where the format allows it."""
        match self.format:
            case ListFormat.PATH:
                for row in rows:
                    print_path(row.location, "\0" if self.print0 else "\n")
            case ListFormat.JSONL:
                for row in rows:
                    self.output.json_line(self._as_json(row))
            case ListFormat.JSON:
                self.output.json_items(map(self._as_json, rows))
            case ListFormat.CSV:
                self._separated(RowList(rows), ",")
            case ListFormat.TSV:
                self._separated(RowList(rows), "\t")
            case ListFormat.MARKDOWN:
                self._markdown(RowList(rows))
            case ListFormat.TABLE:
                self._table(RowList(rows))
            case _:
                assert_never(self.format)

    def _columns(self, rows: Collection[Row]) -> list[Column]:
        if self.all_columns:
            return all_columns(rows)
        written = "age" if self.marks_best else "created_at"
        if self.wanted:
            return choose_columns(self.wanted, rows, written)
        return default_columns(rows, written)

    def _as_json(self, row: Row) -> JSONValue:
        if not self.wanted:
            return as_json(row)
        return {one.name: one.value(row, self.now) for one in self._columns([row])}

    def _separated(self, rows: Collection[Row], separator: str) -> None:
        # Imported here, since few lists need it.
        import csv

        columns = self._columns(rows)
        writer = csv.writer(sys.stdout, delimiter=separator, lineterminator="\n")
        plain = _safe if self.output.is_terminal() else _plain
        writer.writerow([plain(one.name) for one in columns])
        for row in rows:
            writer.writerow([plain(one.value(row, self.now)) for one in columns])

    def _markdown(self, rows: Collection[Row]) -> None:
        cells = RowTable.of(rows, self._columns(rows), self.now, self.best())
        table = cells.laid_out(rounded=False)
        heads = [Cell(head.name) for head in table.heads]
        self.output.line(_markdown_line(heads))
        rules = [Cell("---:" if head.is_number else "---") for head in table.heads]
        self.output.line(_markdown_line(rules))
        for line in table.rows:
            self.output.line(_markdown_line(line))

    def _table(self, rows: Collection[Row]) -> None:
        columns = self._columns(rows)
        is_terminal = self.output.is_terminal()
        is_chosen = self.all_columns or any(name[0] not in "+-" for name in self.wanted)
        if not is_chosen:
            # The checkpoint's own cell says what it is a link to.
            columns = [one for one in columns if one.name != "link"]
        table = RowTable.of(rows, columns, self.now, self.best())
        if is_terminal and not is_chosen:
            table, run = table.telling()
            if run is not None:
                self.output.say(f"run {printable(run)}")
        root = self.root if is_terminal else None
        laid_out = table.laid_out(rounded=is_terminal, root=root)
        if "problem" in print_table(laid_out, self.output):
            self._say_problems(rows)

    def _say_problems(self, rows: Iterable[Row]) -> None:
        """Say what is wrong where the table has no room for it."""
        wrong = [(row.location, row.problem) for row in rows if row.problem]
        for location, problem in wrong[:_MOST_PROBLEMS]:
            self.output.say(f"{printable(location)}: {problem}")
        if len(wrong) > _MOST_PROBLEMS:
            self.output.say(f"... and {len(wrong) - _MOST_PROBLEMS} more")


def _markdown_line(cells: Sequence[Cell]) -> str:
    escaped = (cell.text.replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _plain(value: JSONValue) -> str:
    """Return a value for CSV: numbers in full, nothing for nothing."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    # Bytes of a name that are no UTF-8 cannot be written as they are.
    return text.encode(errors="backslashreplace").decode()


def _safe(value: JSONValue) -> str:
    """Return a value for CSV that somebody looks at."""
    return printable(_plain(value))


def as_json(row: Row) -> JSONValue:
    """Return a row in the documented, stable shape."""
    return {
        "checkpoint": row.path,
        "sidecar": row.sidecar,
        "run": row.run,
        "status": row.status.value,
        "problem": row.problem,
        "link": row.link,
        "size_bytes": row.size,
        "metadata": nest({field: row.values[field] for field in in_order(tuple(row.values))}),
    }


def print_path(path: str, end: str = "\n") -> None:
    """Print a path byte for byte, but on a terminal; a line break in it would make two of one."""
    shown = printable(path) if end in path or sys.stdout.isatty() else path
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(shown) + end.encode())
