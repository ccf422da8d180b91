"""docs/architecture.md shows the house as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Final

from tests.test_architecture import LAYERS, PURE

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DECISIONS: Final = ROOT / "docs" / "adr"


def test_the_table_is_the_layers() -> None:
    """Each layer has its row, from the top to the bottom, with its rooms and no other."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE)

    shown = {int(number): set(re.findall(r"`(\w+)`", rooms)) for number, rooms in rows}

    assert shown == dict(enumerate(LAYERS, start=1))
    assert [int(number) for number, _ in rows] == sorted(shown, reverse=True)


def test_every_room_is_in_a_layer() -> None:
    """No module or package at the top of the package stands outside the picture."""
    package = ROOT / "checkpoint_meta"
    rooms = {file.stem for file in package.glob("*.py")} | {
        folder.name for folder in package.iterdir() if (folder / "__init__.py").exists()
    }

    # A wheel has the commands and configurations inside.
    outside = {"__init__", "__main__", "cli", "configs"}
    assert rooms - outside == set().union(*LAYERS) - outside


def test_what_is_called_pure_is_held_to_it() -> None:
    """The page names those rooms that the purity test looks at."""
    (sentence,) = re.findall(r"^(.*) are pure:", PAGE, re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", sentence)) == {name.removesuffix(".py") for name in PURE}


def _figures() -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(
        str(ROOT / "scripts" / "style_figures.py"), run_name="figures"
    )["figures"]()
    return made


def test_the_table_of_figures_is_what_the_script_prints() -> None:
    """Each figure has its row, of whatever date, beside those of the others."""
    for name, value in _figures().items():
        assert re.search(rf"^\| {re.escape(name)} \| [\d.][\d./ %]* \|", PAGE, re.MULTILINE), name
        assert re.fullmatch(r"[\d.][\d./ %]*", value)


def test_the_house_keeps_its_limits() -> None:
    """A module fits 300 lines and a function 40; all is typed, and two `except`s take all."""
    figures = _figures()
    longest = {
        name: int(value.rpartition("/")[2]) for name, value in figures.items() if "max" in name
    }

    assert longest["module lines, median / p90 / max"] <= 300
    assert longest["function lines, median / p90 / max"] <= 40
    assert longest["nesting, maximum"] <= 4
    assert figures["functions fully typed"] == "100 %"
    assert int(figures["broad excepts"]) <= 2


def test_every_decision_is_in_the_index() -> None:
    """The index has each page by its number and title, in order."""
    index = (DECISIONS / "index.md").read_text(encoding="utf-8")
    pages = sorted(DECISIONS.glob("0*.md"))
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]

    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((\S+)\) \|$", index, re.MULTILINE)

    assert [name for _, _, name in rows] == [page.name for page in pages]
    shown = [title.replace("&#91;", "[").replace("&#93;", "]") for _, title, _ in rows]
    assert [f"# {number}. {title}" for (number, _, _), title in zip(rows, shown, strict=True)] == (
        titles
    )


def test_every_decision_has_its_three_parts() -> None:
    """What was known, what was decided, what follows."""
    for page in DECISIONS.glob("0*.md"):
        text = page.read_text(encoding="utf-8")
        parts = re.findall(r"^(?:\*\*|## )(Context|Decision|Consequences)\b", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], page.name
