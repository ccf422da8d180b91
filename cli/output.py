"""Where words go: data to stdout, talk to stderr, and how much of it."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from checkpoint_meta.evidence import JSONValue

Item = TypeVar("Item")


class Color(StrEnum):
    """Whether to color."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Output:
    """How one command talks."""

    color: Color = Color.AUTO
    quiet: bool = False
    verbose: bool = False

    def say(self, sentence: str) -> None:
        """Talk: progress, counts, hints; silent with `--quiet`."""
        if not self.quiet:
            self.warn(sentence)

    def warn(self, sentence: str) -> None:
        """Say what went wrong; not silent even with `--quiet`."""
        sys.stderr.write("".join(f"{printable(line)}\n" for line in sentence.split("\n")))

    def line(self, text: str) -> None:
        """Print one line of data."""
        sys.stdout.write(f"{printable(text)}\n")

    def block(self, text: str) -> None:
        """Print data that has its own lines."""
        sys.stdout.write(text)

    def json(self, value: JSONValue) -> None:
        """Print one JSON document, for people and programs alike."""
        sys.stdout.write(_dumps(value, indent=2) + "\n")

    def json_items(self, values: Iterable[JSONValue]) -> None:
        """Print one JSON document that is a list, an item at a time."""
        before = "["
        for value in values:
            text = _dumps(value, indent=2).replace("\n", "\n  ")
            sys.stdout.write(f"{before}\n  {text}")
            before = ","
        sys.stdout.write("[]\n" if before == "[" else "\n]\n")

    def json_line(self, value: JSONValue) -> None:
        """Print one JSON value on one line, at once."""
        sys.stdout.write(_dumps(value) + "\n")
        sys.stdout.flush()

    def console(self, *, stderr: bool = False) -> Console:
        """Return a rich console; on a pipe it neither cuts nor draws."""
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        forced = {Color.AUTO: None, Color.ALWAYS: True, Color.NEVER: False}[self.color]
        return Console(
            file=stream,
            force_terminal=forced,
            no_color=self.color is Color.NEVER or bool(os.environ.get("NO_COLOR")) or None,
            highlight=False,
            soft_wrap=not stream.isatty(),
        )

    def is_terminal(self) -> bool:
        """Tell whether data goes to a terminal."""
        return sys.stdout.isatty()

    def is_drawn(self) -> bool:
        """Tell whether data is drawn with color and frames."""
        return self.color is Color.ALWAYS or (self.color is Color.AUTO and self.is_terminal())

    def progress(self, items: Iterable[Item], total: int, verb: str) -> Iterator[Item]:
        """Yield the items with a bar on stderr: count, rate and remaining time."""
        if self.quiet or not sys.stderr.isatty():
            yield from items
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        rate = TextColumn("{task.fields[rate]}")
        columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        console, on_both = self.console(stderr=True), self.is_terminal()
        # Else rich takes what is meant for a file or a pipe to the terminal too.
        with Progress(*columns, console=console, transient=True, redirect_stdout=on_both) as bar:
            task = bar.add_task(verb, total=total, rate="")
            for item in items:
                yield item
                speed = bar.tasks[task].speed
                bar.update(task, advance=1, rate=f"{speed:.0f}/s" if speed else "")


def _dumps(value: JSONValue, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: JSONValue) -> JSONValue:
    """Return `value` with what JSON has no number for as text: `nan`, `inf`."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
        case _:
            return value
