from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.schema.fields import nest
from checkpoint_meta.store import write_sidecar
from tests.commands import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from tests.commands import RunHere

GOLDENS = Path(__file__).parent.parent / "goldens" / "list"
NO_AGE = "--columns=-age"

pytestmark = pytest.mark.usefixtures("folder")


def _describe(path: Path, epoch: int, values: dict[FieldPath, JSONValue]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1234567)
    os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))
    document: dict[FieldPath, JSONValue] = {
        ("schema_version",): "2.0",
        ("checkpoint_path",): path.name,
        ("exp_name",): "demo",
        ("created_at",): "2026-11-23T21:09:00Z",
        ("checkpoint",): {"size_bytes": 1234567, "mtime_ns": 1_700_000_000_000_000_000},
        ("training", "epoch"): epoch,
        ("training", "global_step"): epoch * 100,
        ("checkpointing", "mode"): "max",
        ("written_by",): {"tool": "checkpoint-meta", "version": "0.1.0", "how": "convert"},
        **values,
    }
    write_sidecar(path.with_name(f"{path.stem}.metadata.yaml"), nest(document))


@pytest.fixture(scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("list") / "outputs"
    for name, lr in (("dbnet-resnet18", 0.001), ("craft-resnet50", 0.01)):
        (outputs / name / ".hydra").mkdir(parents=True)
        for epoch, hmean in ((0, 0.5), (1, 0.75), (2, 0.625)):
            values: dict[FieldPath, JSONValue] = {
                ("checkpointing", "monitor"): "val/hmean",
                ("checkpointing", "score"): hmean + lr,
                ("metrics", "hmean"): hmean + lr,
                ("metrics", "recall"): 0.5,
                ("metrics", "additional_metrics", "val/hmean"): hmean + lr,
                ("metrics", "additional_metrics", "train/loss"): 1 / (epoch + 1),
                ("hyperparameters",): {"lr": lr},
                ("environment", "torch"): "2.13.0",
            }
            _describe(outputs / name / "checkpoints" / f"epoch={epoch}.ckpt", epoch, values)
    craft = outputs / "craft-resnet50" / "checkpoints"
    (craft / "last.ckpt").symlink_to("epoch=2.ckpt")
    (craft / "epoch=0.ckpt").write_bytes(b"half a down")
    (craft / "pruned.metadata.yaml").write_bytes((craft / "epoch=1.metadata.yaml").read_bytes())
    (craft / "täglich [1]|x.ckpt").write_bytes(b"<html>404</html>")
    for name in ("epoch=0.ckpt", "täglich [1]|x.ckpt"):
        os.utime(craft / name, (1_700_000_000, 1_700_000_000))
    return outputs


@pytest.fixture
def folder(_template: Path, tmp_path: Path) -> Path:
    """Return a folder with `outputs`: two runs, a link, an orphan, a stale and a broken file."""
    shutil.copytree(_template, tmp_path / "outputs", symlinks=True)
    return tmp_path


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a function that holds a text to a file, or writes it with `--update-goldens`."""

    def check(name: str, text: str) -> None:
        file = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return check


@pytest.mark.parametrize("name", ["table", "csv", "tsv", "markdown", "path", "json", "jsonl"])
def test_each_format(
    run_here: RunHere, name: str, check_golden: Callable[[str, str], None]
) -> None:
    """What a pipe gets: plain, complete, the same however wide the terminal is."""
    columns = () if name in ("path", "json", "jsonl") else (NO_AGE,)

    result = run_here("list", "outputs", "--format", name, *columns)

    check_golden(f"{name}.txt", result.stdout)
    if name == "table":
        check_golden("summary.txt", result.stderr)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal(folder: Path, columns: int, check_golden: Callable[[str, str], None]) -> None:
    """The table fits, shows what differs, and marks what is best, stale and broken."""
    seen = on_terminal(folder, columns, "list", "outputs", NO_AGE)

    check_golden(f"terminal-{columns}.txt", seen)


def test_one_run_is_said_once(folder: Path) -> None:
    """Where all have the same run and are ok, neither takes a column."""
    seen = on_terminal(folder, 80, "list", "outputs/dbnet-resnet18", "--color", "never")

    assert seen.splitlines()[0] == "run outputs/dbnet-resnet18"
    heads = seen.splitlines()[1].split()
    assert heads == ["checkpoint", "epoch", "step", "hmean", "train/loss", "age", "size"]


def test_print0_is_for_xargs(folder: Path, run_here: RunHere) -> None:
    """Each path ends with a NUL, byte for byte, whatever is in it."""
    name = "a\nb.ckpt"
    (folder / "outputs" / name).write_bytes(b"")

    result = run_here("list", "outputs", "--print0")

    paths = result.stdout.split("\0")
    assert f"outputs/{name}" in paths
    assert "outputs/craft-resnet50/checkpoints/täglich [1]|x.ckpt" in paths
    assert paths[-1] == ""
    for path in paths[:-1]:
        assert os.path.lexists(folder / path)


@pytest.mark.parametrize("name", ["table", "csv", "markdown", "json", "jsonl", "path"])
def test_a_name_that_is_no_text_stops_nothing(folder: Path, run_here: RunHere, name: str) -> None:
    """Bytes that are no UTF-8, line breaks and escape sequences, in every format."""
    for strange in (b"\xff\xfe.ckpt", b"a\nb.ckpt", b"\x1b[31m.ckpt"):
        (folder / "outputs" / os.fsdecode(strange)).write_bytes(b"junk")

    first = run_here("list", "outputs", "--format", name)
    second = run_here("list", "outputs", "--format", name)

    assert first.stdout == second.stdout
    assert "12 checkpoints: 5 ok, 5 invalid, 1 orphan, 1 link" in first.stderr
    if name != "path":
        assert "\x1b" not in first.stdout or name == "csv"


def test_csv_reads_back(run_here: RunHere) -> None:
    """Numbers are whole, bytes are bytes, and no cell is empty that has a value."""
    result = run_here("list", "outputs/dbnet-resnet18", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["hmean"] for row in rows] == ["0.501", "0.751", "0.626"]
    assert {row["size"] for row in rows} == {"1234567"}
    assert rows[0]["checkpoint"] == "outputs/dbnet-resnet18/checkpoints/epoch=0.ckpt"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--where", "hmean > 0.7"), ["c1", "cpruned", "d1"]),
        (("--where", "hmean > 0.6", "--where", "lr < 0.005"), ["d1", "d2"]),
        (("--where", 'status == "stale" or size < 100'), ["c0", "täglich [1]|x"]),
        (("--sort", "hmean", "--limit", "5"), ["c1", "cpruned", "d1", "c2", "clast"]),
        (("--sort", "hmean:asc", "--limit", "2"), ["d0", "d2"]),
        (("--sort", "train/loss", "--limit", "1"), ["c2"]),
        (("--per", "run"), ["c1", "d1"]),
        (("--per", "run", "--top", "2", "--sort", "epoch:desc"), ["c1", "c2", "d1", "d2"]),
        (("--per", "epoch", "--sort", "hmean", "--where", "epoch >= 0"), ["c1", "c2", "d0"]),
        (("--status", "orphan"), ["cpruned"]),
        (("--status", "stale", "--status", "invalid"), ["c0", "täglich [1]|x"]),
        (("--limit", "0"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_chosen(run_here: RunHere, arguments: tuple[str, ...], expected: list[str]) -> None:
    """Filters, orders, groups and limits, alone and together."""
    result = run_here("list", "outputs", "--format", "path", *arguments)

    shown = [_short(line) for line in result.stdout.splitlines()]
    if "--per" in arguments and "--sort" in arguments:
        shown.sort()
    assert shown == expected


def _short(path: str) -> str:
    run, name = Path(path).parts[1], Path(path).name
    stem = name.removesuffix(".ckpt").removesuffix(".metadata.yaml")
    return stem if stem.startswith("t") else run[0] + stem.removeprefix("epoch=")


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        ("checkpoint,hmean", ["checkpoint", "hmean"]),
        ("epoch,+lr", ["epoch", "lr"]),
        ("-run,-step,-size,-status,-problem,-link,-created_at,+torch",
         ["checkpoint", "epoch", "hmean", "recall", "train/loss", "torch"]),
    ],
)  # fmt: skip
def test_columns(run_here: RunHere, columns: str, heads: list[str]) -> None:
    """Named ones in place of the default; `+` adds, `-` takes away."""
    result = run_here("list", "outputs", "--format", "csv", "--columns", columns)

    assert result.stdout.splitlines()[0].split(",") == heads


def test_json_with_columns_has_these_keys(run_here: RunHere) -> None:
    """A flat object of what is asked for."""
    result = run_here(
        "list", "outputs", "--status", "ok", "--format", "json", "--columns", "epoch,lr"
    )

    assert json.loads(result.stdout)[0] == {"epoch": 1, "lr": 0.01}


def test_all_columns(run_here: RunHere) -> None:
    """Every field that any of them has, under its whole name."""
    result = run_here("list", "outputs", "--all-columns", "--format", "csv")

    heads = result.stdout.splitlines()[0].split(",")
    assert {"metrics.hmean", "environment.torch", "hyperparameters", "sidecar"} <= set(heads)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--where", "hmean >> 3"), "hmean >> 3"),
        (("--where", "in_channels == 3"), "ambiguous"),
        (("--sort", "in_channels"), "ambiguous"),
        (("--columns", "name"), "ambiguous"),
        (("--columns", "a,+"), "expected a column"),
        (("--per", "name"), "ambiguous"),
        (("--top", "3"), "it needs --per"),
        (("nowhere",), "no such file or folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_exit_2(
    run_here: RunHere, arguments: tuple[str, ...], reason: str
) -> None:
    """One message that names the option, and nothing on stdout."""
    result = run_here("list", *arguments, code=2)

    assert reason in result.stderr
    assert result.stdout == ""


def test_a_name_that_nobody_has_is_said(run_here: RunHere) -> None:
    """A typing error does not pass for an empty result."""
    result = run_here("list", "outputs", "--where", "hmaen > 0.5")

    assert result.stdout == ""
    assert "none has 'hmaen'" in result.stderr
    result = run_here("list", "outputs", "--columns", "epoch,hmaen,-size")
    assert "none has 'hmaen'" in result.stderr
    assert "size" not in result.stderr


def test_a_folder_without_checkpoints_is_said(folder: Path, run_here: RunHere) -> None:
    """Exit 0, and a sentence on stderr."""
    (folder / "empty").mkdir()

    result = run_here("list", "empty", "--no-index")

    assert result.stdout == ""
    assert result.stderr == "empty: no checkpoint found\n"


def test_the_same_checkpoint_is_listed_once(run_here: RunHere) -> None:
    """PATHs may overlap."""
    paths = ("outputs", "outputs/dbnet-resnet18", "outputs/dbnet-resnet18/checkpoints/epoch=0.ckpt")

    result = run_here("list", *paths, "--format", "path")

    assert len(result.stdout.splitlines()) == len(set(result.stdout.splitlines())) == 9


@pytest.mark.parametrize("option", ["--no-index", "--refresh", "--quiet"])
def test_the_index_changes_nothing(run_here: RunHere, option: str) -> None:
    """With it, without it, and anew: the same lines."""
    first = run_here("list", "outputs", "--format", "json")
    second = run_here("list", "outputs", "--format", "json", option)

    assert first.stdout == second.stdout
    if option == "--quiet":
        assert second.stderr == ""


def test_color_may_be_asked_for_in_a_pipe(run_here: RunHere) -> None:
    """The same text, complete, with colors."""
    plain = run_here("list", "outputs", NO_AGE)
    colored = run_here("list", "outputs", "--color", "always", NO_AGE)

    assert "\x1b[1;32m*" in colored.stdout
    assert "\x1b" not in plain.stdout
    uncolored = re.sub(r"\x1b\[[\d;]*m", "", colored.stdout)
    assert [line.rstrip() for line in uncolored.splitlines()] == plain.stdout.splitlines()


def test_the_counts_are_of_what_is_shown(run_here: RunHere) -> None:
    """Whoever asks for some hears nothing of the others' status."""
    some = run_here("list", "outputs", "--status", "invalid")
    none = run_here("list", "outputs", "--where", "epoch > 1000")
    link = run_here("list", "outputs", "--where", "path contains 'last'", "--limit", "1")

    assert some.stderr.splitlines()[0].endswith("2 of 9 checkpoints: 2 invalid")
    assert none.stderr.splitlines()[0] == "0 of 9 checkpoints"
    assert link.stderr.splitlines()[0] == "1 of 9 checkpoints: 1 link"


@pytest.mark.parametrize("options", [("--format", "json"), ("--format", "csv", "--all-columns")])
def test_the_order_of_fields_is_the_same_from_the_index(
    run_here: RunHere, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that compares two lists sees what changed, and nothing else."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10**10)
    run_here("list", "outputs", *options)
    kept = run_here("list", "outputs", *options)

    assert kept.stdout == run_here("list", "outputs", *options, "--no-index").stdout
