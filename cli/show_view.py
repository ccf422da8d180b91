"""How `ckpt-meta show` looks: names and values, plain on a pipe, framed on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.evidence import JSONValue

    from .output import Output

_SECTIONS = {
    "hyper_parameters": "Hyper-parameters",
    "datamodule_hyper_parameters": "Datamodule",
    "custom": "Other",
}
"""Parts that are shown as they are; loops are counters of Lightning's own, and stay in the JSON."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000
_STYLES = {"problem": "yellow", "dangerous": "bold red", "unknown": "yellow"}


class Row(NamedTuple):
    """One line: what, its value, and the name of its style."""

    name: str
    value: str
    style: str = ""


class Section(NamedTuple):
    """Rows that belong together."""

    title: str
    rows: list[Row]


def show_text(output: Output, document: Mapping[str, JSONValue]) -> None:
    """Print the document for people."""
    sections = [section for section in _sections(document) if section.rows]
    if output.is_drawn():
        _draw(output, sections)
    else:
        output.block("\n".join(map(_plain, sections)))


def _sections(document: Mapping[str, JSONValue]) -> Iterator[Section]:
    yield Section(str(document["path"]), [*_facts(document), *_warnings(document)])
    for key, title in _SECTIONS.items():
        yield Section(title, _rows(document[key]))
    callbacks = document["callbacks"]
    for key, state in callbacks.items() if isinstance(callbacks, dict) else ():
        # Lightning's key goes on with the arguments, which are in the state too.
        yield Section(f"Callback {key.partition('{')[0]}", _rows(state))
    tensors = document.get("tensors")
    if isinstance(tensors, list):
        yield Section("Tensors", [_tensor(tensor) for tensor in tensors])


def _facts(document: Mapping[str, JSONValue]) -> Iterator[Row]:
    incomplete = ", incomplete" if document["incomplete"] else ""
    yield Row("format", f"{document['format']}, {_size(document['size_bytes'])}{incomplete}")
    yield Row("modified", str(document["modified"]))
    for name in ("epoch", "global_step", "lightning_version", "weights_only"):
        if document[name] is not None:
            yield Row(name.replace("_", " "), _value(document[name]))
    if document["parameter_count"] is not None:
        size = _size(document["parameter_bytes"])
        counts = f"{document['parameter_count']:,} in {document['tensor_count']} tensors, {size}"
        dtypes = document["dtypes"]
        kinds = ", ".join(dtypes) if isinstance(dtypes, dict) else ""
        yield Row("parameters", f"{counts} ({kinds})" if kinds else counts)
    if document["fingerprint"] is not None:
        yield Row("fingerprint", str(document["fingerprint"]))


def _warnings(document: Mapping[str, JSONValue]) -> Iterator[Row]:
    looked_up = document["globals"]
    kinds = looked_up if isinstance(looked_up, dict) else {}
    for kind, sentence in (("dangerous", "a load would run"), ("unknown", "a load would import")):
        for name in (name for name, of in kinds.items() if of == kind):
            yield Row(sentence, name, kind)
    problems = document["problems"]
    for problem in problems if isinstance(problems, list) else []:
        yield Row("problem", str(problem), "problem")


def _tensor(tensor: JSONValue) -> Row:
    match tensor:
        case {"name": str(name), "shape": list(shape), "dtype": str(dtype)}:
            sizes = " × ".join(map(str, shape)) or "0-dim"  # noqa: RUF001 - as people write it
            return Row(name, f"{dtype:<9} {sizes}")
    return Row("", "")


def _rows(value: JSONValue) -> list[Row]:
    return [Row(name, text) for name, text in _flatten(value)]


def _flatten(value: JSONValue, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield values by their dotted names."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f"{prefix}.{name}" if prefix else name)
    elif prefix:
        yield printable(prefix), _value(value)


def _value(value: JSONValue) -> str:
    match value:
        case str():
            return printable(value) or '""'
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value)
        case float():
            return f"{value:.6g}"
        case None:
            return "-"
    return printable(json.dumps(value, ensure_ascii=False))


def _size(number: JSONValue) -> str:
    amount = float(number) if isinstance(number, (int, float)) else 0.0
    for unit in _UNITS[:-1]:
        if amount < _THOUSAND:
            return f"{amount:.3g} {unit}"
        amount /= _THOUSAND
    return f"{amount:.3g} {_UNITS[-1]}"


def _plain(section: Section) -> str:
    width = max(len(row.name) for row in section.rows)
    lines = (f"  {row.name:<{width}}  {row.value}\n" for row in section.rows)
    return f"{printable(section.title)}\n{''.join(lines)}"


def _draw(output: Output, sections: list[Section]) -> None:
    from rich.box import ROUNDED
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    console = output.console()
    for section in sections:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="cyan", max_width=console.width // 2, overflow="fold")
        table.add_column(overflow="fold")
        for row in section.rows:
            style = _STYLES.get(row.style, "")
            table.add_row(Text(row.name, style=style), Text(row.value, style=style))
        title = Text(section.title, style="bold")
        console.print(Panel(table, title=title, title_align="left", box=ROUNDED, padding=(0, 1)))
