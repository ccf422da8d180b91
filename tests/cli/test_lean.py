"""Options are read without pydantic where that changes nothing but the time."""

from __future__ import annotations

import functools
import subprocess
import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated, Optional

import pytest
import typer
from checkpoint_meta.cli import best, convert, diff, listing, rules, schema, show, validate
from checkpoint_meta.cli.lean import LeanCommand
from typer.testing import CliRunner


class Fruit(StrEnum):
    """A choice."""

    APPLE = "apple"
    PEAR = "pear"


def _app(*, lean: bool) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    def command(
        paths: Annotated[Optional[list[Path]], typer.Argument()] = None,  # noqa: UP045
        *,
        text: Annotated[Optional[str], typer.Option()] = None,  # noqa: UP045
        count: Annotated[int, typer.Option(min=1, max=99)] = 7,
        fruit: Annotated[Fruit, typer.Option()] = Fruit.APPLE,
        fruits: Annotated[Optional[list[Fruit]], typer.Option()] = None,  # noqa: UP045
        folder: Annotated[Optional[Path], typer.Option(file_okay=False)] = None,  # noqa: UP045
        rate: Annotated[float, typer.Option()] = 0.5,
        flag: Annotated[bool, typer.Option()] = False,
        names: Annotated[Optional[list[str]], typer.Option(envvar="NAMES")] = None,  # noqa: UP045
    ) -> None:
        typer.echo(repr((paths, text, count, fruit, fruits, folder, rate, flag, names)))

    if lean:
        app.command(cls=LeanCommand)(command)
    else:
        app.command()(command)
    return app


@pytest.mark.parametrize(
    "line",
    [
        "",
        ". /nowhere --text x --count 12",
        "--count 0",
        "--count 100",
        "--count -3",
        "--count 007",
        "--count 1_0",
        "--count ٣",
        "--count x",
        "--fruit pear --fruits apple --fruits pear",
        "--fruit plum",
        "--fruit PEAR",
        "--folder .",
        "--folder pyproject.toml",
        "--rate 1e3 --flag",
        "--rate x",
        "--names a --names b",
        "--wrong",
        "--help",
    ],
)
def test_it_reads_what_typer_reads(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, errors and exit codes are Typer's own."""
    monkeypatch.delenv("NAMES", raising=False)

    ours, theirs = (CliRunner().invoke(_app(lean=lean), line.split()) for lean in (True, False))

    assert (ours.exit_code, ours.output) == (theirs.exit_code, theirs.output)


COMMANDS = {
    "convert": convert.convert_command,
    "validate": validate.validate_command,
    "list": listing.list_command,
    "best": best.best_command,
    "diff": diff.diff_command,
    "show": show.show_command,
    "rules": rules.rules_command,
    "schema": schema.schema_command,
}


def _own(name: str, *, lean: bool) -> typer.Typer:
    """Return an app of one of our commands, which prints what it was called with."""
    app = typer.Typer(rich_markup_mode=None)
    real = COMMANDS[name]

    @functools.wraps(real)
    def command(*given: object, **named: object) -> None:
        typer.echo(repr((given, sorted(named.items()))))

    app.command(name, cls=LeanCommand if lean else None)(command)
    return app


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "line",
    [
        "",
        ". nowhere",
        "-- --odd",
        "--format=json --format",
        "--format=jsonl -qv",
        "--format JSON",
        "--limit=5 --limit 007",
        "--top 0 --per run",
        "--jobs=0",
        "--jobs 2 -j1",
        "--where= --where a=b",
        "--schema 1.0",
        "--schema=3",
        "--config nowhere",
        "--metric \udcff --mode max",
        "--report sarif=x --report junit=",
        "--color=always --no-index",
        "--quiet=1",
        "-nq",
        "-x",
        "--stric",
    ],
)
def test_our_commands_are_read_as_typer_reads_them(name: str, line: str) -> None:
    """Each form of an option: joined, bundled, repeated, without a value, of another command."""
    arguments = line.split()

    ours, theirs = (CliRunner().invoke(_own(name, lean=lean), arguments) for lean in (True, False))

    assert (ours.exit_code, ours.output) == (theirs.exit_code, theirs.output)
    assert ours.exit_code in (0, 2)


def test_a_variable_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says goes the same way."""
    monkeypatch.setenv("NAMES", "a b")

    ours, theirs = (CliRunner().invoke(_app(lean=lean), []) for lean in (True, False))

    assert ours.output == theirs.output
    assert "['a', 'b']" in ours.output


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("arguments", [("list",), ("list", "--sort", "hmean", "--limit", "3"), ()])
def test_pydantic_stays_away(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A list of what is all in the index, or of nothing, does not wait for it."""
    code = (
        "import sys\n"
        "from checkpoint_meta.cli.main import make_app\n"
        f"sys.argv = ['ckpt-meta', *{arguments!r}]\n"
        "try: make_app()()\n"
        "except SystemExit: pass\n"
        "print({'pydantic', 'email', 'ruamel', 'rich'} & set(sys.modules))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert done.stdout.splitlines()[-1] == "set()"
