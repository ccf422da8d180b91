"""The `ckpt-meta` command."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, Optional

import typer
from typer.main import get_command

from checkpoint_meta.errors import CheckpointMetaError, printable
from checkpoint_meta.workers import stop_all

from .lean import LeanCommand, LeanGroup

if TYPE_CHECKING:
    from types import TracebackType

INTERRUPTED = 130
COULD_NOT_RUN = 2

COMMANDS: Final = {
    "convert": "convert",
    "validate": "validate",
    "list": "listing",
    "best": "best",
    "diff": "diff",
    "index": "index",
    "show": "show",
    "rules": "rules",
    "schema": "schema",
}
"""Name -> module, in the order of `--help`."""


def make_app(asked: str | None = None) -> typer.Typer:
    """Return the command line, of which only the first argument may be `asked` for.

    To make commands that are not takes half of a command's start.
    """
    app = typer.Typer(
        name="ckpt-meta",
        cls=LeanGroup,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(main)
    names = [] if asked == "--version" else [asked] if asked in COMMANDS else [*COMMANDS]
    for name in names:
        module = import_module(f".{COMMANDS[name]}", __package__)
        if name == "index":
            app.add_typer(module.app, name=name)
        else:
            app.command(name, cls=LeanCommand)(getattr(module, f"{name}_command"))
    return app


def _print_version(value: bool | None) -> None:  # noqa: FBT001 - Typer's callback
    if value:
        from checkpoint_meta.version import TOOL, VERSION

        typer.echo(f"{TOOL} {VERSION}")
        raise typer.Exit


def main(
    _version: Annotated[
        Optional[bool],  # noqa: UP045 - Typer reads it at run time
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = None,
) -> None:
    """Sidecars that explain checkpoints: back-filled, checked and listed. No tensor is read."""


def _say_fault(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Say a fault of ours in one line, in place of a traceback."""
    _say(f"unexpected {kind.__name__}: {error}; this is our fault")
    _settle_stdout()
    sys.exit(COULD_NOT_RUN)


def _say(*lines: str) -> None:
    sys.stderr.write("ckpt-meta: " + "".join(f"{printable(line)}\n" for line in lines))


_COLLECT_EVERY: Final = 50_000


def run() -> NoReturn:
    """Run the command line; no traceback reaches a user."""
    sys.excepthook = _say_fault
    # Typer builds pydantic adapters for options; looking for plugins of it takes 40 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # What is read is freed without the collector of rings, which looks at it every 700 values.
    gc.set_threshold(_COLLECT_EVERY, 20, 100)
    _ready_streams()
    try:
        _run_command()
    except CheckpointMetaError as error:
        _say(*error.lines)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader has what it wanted (`| head`); Python must not complain at its exit either.
        _settle_stdout()
        sys.exit(0)
    except OSError as error:
        _say(f"{error.filename or 'output'}: {error.strerror}")
    _settle_stdout()
    sys.exit(COULD_NOT_RUN)


def _run_command() -> NoReturn:
    """Run the command up to the last byte of its output.

    Not by calling `app`, which sets a hook of its own for what nobody has caught.
    """
    try:
        get_command(make_app(next(iter(sys.argv[1:]), None)))()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        sys.stdout.flush()
        raise
    finally:
        # A traceback may hold what started processes; Python would wait for their work at its end.
        stop_all()
    sys.exit(0)


def _ready_streams() -> None:
    """Make every name printable on every terminal, and go on where nobody listens."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        _say("output: closed")
        sys.exit(COULD_NOT_RUN)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _settle_stdout() -> None:
    """Write what is left to write; where that fails, Python must not try again at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
