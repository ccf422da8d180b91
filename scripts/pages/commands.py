"""The reference of all commands, from what `--help` is made of."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from checkpoint_meta.cli.main import make_app
from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "reference/commands.md"

HEAD: Final = """\
# Commands

`ckpt-meta --version` prints the version, `ckpt-meta COMMAND --help` what stands here.
Data goes to stdout, talk to stderr.

| exit code | meaning |
| --- | --- |
| 0 | all is well |
| 1 | the command ran and found something: a failed conversion, a broken rule, nothing for `best` |
| 2 | it could not run: a mistake in the options or settings, a PATH that does not exist |
| 130 | stopped with Ctrl-C; what was done stays done, and no file is half-written |
"""

Command = Any
"""A command or parameter of Typer, whose own click has no types for us."""

_KINDS: Final = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


def render() -> str:
    """Return the page."""
    pages = (line for names, command in _commands() for line in _page(names, command))
    return HEAD + "\n".join(pages) + "\n"


def undescribed_options() -> list[str]:
    """Return the options that do not say what they do, as a sentence."""
    return [
        f"{names} {parameter.opts[0]}"
        for names, command in _commands()
        for parameter in command.params
        if not re.fullmatch(r"[A-Z0-9a-z].*\.", parameter.help or "", re.DOTALL)
    ]


def options_without_default() -> list[str]:
    """Return the options with a value of which nobody says what holds without them."""
    return [
        f"{names} {parameter.opts[0]}"
        for names, command in _commands()
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.is_flag
        if not _default(parameter) and "default" not in (parameter.help or "")
    ]


def _commands() -> Iterator[tuple[str, Command]]:
    """Yield each command by what is typed for it."""
    yield from _below("ckpt-meta", get_command(make_app()))


def _below(names: str, command: Command) -> Iterator[tuple[str, Command]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield names, command
        return
    for name, child in children.items():
        yield from _below(f"{names} {name}", child)


def _page(names: str, command: Command) -> Iterator[str]:
    yield f"\n## {names}\n"
    yield f"{_flow(command.help)}\n"
    yield f"`{names} {' '.join(_usage(command))}`"
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    if shown:
        yield "\n| | default | meaning |"
        yield "| --- | --- | --- |"
    for parameter in shown:
        yield f"| {_names(parameter)} | {_default(parameter)} | {_cell(parameter.help or '')} |"


def _flow(text: str | None) -> str:
    paragraphs = re.split(r"\n\s*\n", (text or "").strip())
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)


def _usage(command: Command) -> Iterator[str]:
    if any(one.param_type_name == "option" for one in command.params):
        yield "[OPTIONS]"
    for one in command.params:
        if one.param_type_name == "argument":
            name = _argument(one)
            yield name if one.required else f"[{name}]"


def _argument(parameter: Command) -> str:
    return f"{parameter.metavar or parameter.name.upper()}{'...' if parameter.nargs == -1 else ''}"


def _names(parameter: Command) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_argument(parameter)}`"
    value = "" if parameter.is_flag else f" {_cell(_value(parameter))}"
    names = ", ".join(
        f"`{name}{value if name.startswith('--') else ''}`"
        for name in sorted(parameter.opts, key=len)
    )
    return " / ".join((names, *(f"`{name}`" for name in parameter.secondary_opts)))


def _value(parameter: Command) -> str:
    kind = parameter.type_descriptor.annotation
    kind = next(iter(get_args(kind)), kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return str(parameter.metavar or _KINDS[kind])


def _default(parameter: Command) -> str:
    value = parameter.default
    value = getattr(value, "value", value)
    if parameter.required:
        return "required"
    if callable(value) or value in (None, False, (), []) or type(value).__name__ == "Sentinel":
        return ""
    return f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
