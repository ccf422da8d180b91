"""The reference of the Python interface, from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from scripts.pages.docstrings import field_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE: Final = "reference/python.md"

HEAD: Final = """\
# Python interface

What is named here stays as it is until the next major version; everything else may move.
Importing any of it imports neither torch nor Lightning, but for `MetadataCallback`.
"""

GROUPS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "The callback": {"checkpoint_meta": ("MetadataCallback",)},
    "Sidecars of other loops": {"checkpoint_meta.training": ("write_sidecar", "Facts", "Options")},
    "The catalog": {
        "checkpoint_meta": (
            "build_catalog",
            "CheckpointCatalog",
            "CheckpointCatalogEntry",
            "clear_global_cache",
        )
    },
    "Sidecars": {
        "checkpoint_meta.store": ("read_sidecar", "write_sidecar"),
        "checkpoint_meta.schema.document": ("check_document",),
    },
    "Conversion": {
        "checkpoint_meta.paths": ("iter_checkpoints",),
        "checkpoint_meta.convert": ("convert", "ConvertOptions", "Outcome"),
    },
    "The gate": {
        "checkpoint_meta.validate": ("validate", "Gate"),
        "checkpoint_meta.rules.policy_file": ("read_policy",),
        "checkpoint_meta.rules.subjects": ("iter_subjects",),
    },
    "Checkpoints without torch": {
        "checkpoint_meta.readers.checkpoint": ("read_checkpoint_file",),
    },
}
"""Heading -> module -> names."""

_NOTHING: Final = ("None", None, inspect.Signature.empty)

_HOOKS: Final = re.compile(r"on_\w+|setup")
"""Methods that Lightning calls, and nobody else."""


def render() -> str:
    """Return the page."""
    return HEAD + "".join(f"{line}\n" for line in _lines())


def documented() -> set[tuple[str, str]]:
    """Return the module and name of everything on the page."""
    return {
        (module, name)
        for names_by_module in GROUPS.values()
        for module, names in names_by_module.items()
        for name in names
    }


def _lines() -> Iterator[str]:
    for heading, names_by_module in GROUPS.items():
        yield f"\n## {heading}"
        for module, names in names_by_module.items():
            for name in names:
                yield f"\n### {name}\n"
                yield f"`from {module} import {name}`\n"
                found = getattr(import_module(module), name)
                yield from _class(found) if inspect.isclass(found) else _function(found)


def _function(function: Callable[..., Any]) -> Iterator[str]:
    yield f"`{function.__name__}{_signature(function)}`\n"
    yield _prose(function)


def _class(owner: type[Any]) -> Iterator[str]:
    if is_dataclass(owner):
        yield _prose(owner)
        yield from _fields(owner)
    else:
        yield f"`{owner.__name__}{_signature(owner)}`\n"
        yield _prose(owner)
    members = [*_members(owner)]
    if members:
        yield "\nMembers:\n"
        yield from members


def _members(owner: type[Any]) -> Iterator[str]:
    for name, member in vars(owner).items():
        if name.startswith("_") or _HOOKS.fullmatch(name):
            continue
        if isinstance(member, property):
            yield f"- `{name}`: {_sentence(member)}"
        elif inspect.isfunction(member):
            yield f"- `{name}{_signature(member)}`: {_sentence(member)}"


def _fields(owner: type[Any]) -> Iterator[str]:
    texts: dict[str, str] = {}
    for base in reversed([one for one in owner.__mro__ if is_dataclass(one)]):
        texts |= field_texts(base)
    yield "\n| field | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for field in fields(owner):
        cells = (f"`{field.name}`", f"`{_cell(str(field.type))}`", _default(field))
        yield f"| {' | '.join(cells)} | {_cell(texts.get(field.name, ''))} |"


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        value = getattr(field.default, "value", field.default)
        return f"`{value!r}`"
    if field.default_factory is not MISSING:
        return "empty"
    return "required"


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    own = [_plain(one) for name, one in signature.parameters.items() if name != "self"]
    given = signature.return_annotation
    returns = inspect.Signature.empty if given in _NOTHING else _Shown(str(given))
    return str(signature.replace(parameters=own, return_annotation=returns))


class _Shown:
    """A default or an annotation as it is to be read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter whose texts have no quotes of their own around them."""
    annotation, default = parameter.annotation, parameter.default
    if annotation is not inspect.Parameter.empty:
        parameter = parameter.replace(annotation=_Shown(str(annotation)))
    if is_dataclass(default):
        parameter = parameter.replace(default=_Shown(f"{type(default).__name__}()"))
    return parameter


def _sentence(documented: object) -> str:
    text = inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _prose(documented: object) -> str:
    """Return a docstring as Markdown: paragraphs, and its sections as lists."""
    text = inspect.getdoc(documented) or ""
    return "\n\n".join(_paragraph(one) for one in re.split(r"\n\s*\n", text))


def _paragraph(text: str) -> str:
    heading, _, rest = text.partition("\n")
    if heading not in ("Args:", "Raises:"):
        return " ".join(text.split())
    title = {"Args:": "Parameters", "Raises:": "Raises"}[heading]
    items = re.split(r"\n {4}(?=\S)", "\n" + rest)[1:]
    lines = [" ".join(item.split()) for item in items]
    return f"{title}:\n\n" + "\n".join(
        f"- `{name}`: {what.strip()}" for name, _, what in (line.partition(":") for line in lines)
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
