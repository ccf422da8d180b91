"""Pages that are made from the code say what the code says."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import checkpoint_meta
from checkpoint_meta.settings import Settings
from scripts.pages import DOCS, GENERATED, picture
from scripts.pages.commands import options_without_default, undescribed_options
from scripts.pages.python_api import documented
from scripts.pages.settings import VARIABLES
from scripts.pages.sidecar import fields_without_meaning
from tests.commands import ckpt_meta
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ADDS = ["ckpt-meta validate --require", "ckpt-meta validate --report"]
"""Options that add one more, of which there is none without them."""


@pytest.mark.parametrize(("name", "render"), GENERATED.items(), ids=list(GENERATED))
def test_the_page_is_current(name: str, render: Callable[[], str]) -> None:
    """`python -m scripts.pages` writes it."""
    assert (DOCS / name).read_text(encoding="utf-8") == render(), "run python -m scripts.pages"


def test_the_picture_is_what_the_command_prints() -> None:
    """`python -m scripts.pages.picture` draws it from a real run in a real terminal."""
    for name, text in picture.render().items():
        file = picture.FOLDER / f"list-{name}.svg"
        assert file.read_text(encoding="utf-8") == text, "run python -m scripts.pages.picture"
        assert "http" not in text.replace("http://www.w3.org/", "")


def test_every_field_has_a_meaning() -> None:
    """No field of a sidecar is left to be guessed from its name."""
    assert fields_without_meaning() == []


def test_every_option_is_a_sentence() -> None:
    """Each option and argument of each command says what it does."""
    assert undescribed_options() == []


@pytest.mark.parametrize("command", [(), ("index",)], ids=" ".join)
def test_the_list_of_commands_cuts_no_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    """The first thing that a user reads is whole, on 80 columns too."""
    page = ckpt_meta(tmp_path, *command, "--help", COLUMNS="80").stdout

    listed = page.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= 3
    assert [line for line in listed if not line.endswith(".") or line.endswith("..")] == []


def test_every_option_says_what_holds_without_it() -> None:
    """An option that takes a value has a default, shown or said."""
    assert options_without_default() == ADDS


def test_every_setting_is_on_the_page() -> None:
    """What can be set is described."""
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")

    for field in dataclasses.fields(Settings):
        assert field.name == "file" or f"`{field.name}`" in text or f".{field.name}`" in text


def test_every_variable_that_is_read_is_on_the_page() -> None:
    """What the environment may change is described."""
    read = set()
    for source in [*ROOT.glob("checkpoint_meta/**/*.py"), *ROOT.glob("cli/*.py")]:
        read |= set(re.findall(r"environ\.get\(\"(\w+)\"", source.read_text(encoding="utf-8")))

    assert "NO_COLOR" in read
    assert read - set(VARIABLES) == set()


def test_every_public_name_is_on_the_page() -> None:
    """What a package exports is documented, and what is documented is there."""
    names = documented()

    for module in ("checkpoint_meta", "checkpoint_meta.training"):
        exported = {(module, name) for name in import_module(module).__all__}
        assert exported <= names
    assert all(hasattr(import_module(module), name) for module, name in names)
    assert set(checkpoint_meta.__all__) <= {name for _, name in names}
