"""The drop-down of the how-to, with what it uses of Streamlit in its place."""

from __future__ import annotations

import runpy
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from tests.docs.pages import DOCS, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest


class _Streamlit(ModuleType):
    """What a script may ask of Streamlit, whose 500 MB are no part of the test environment."""

    def __init__(self) -> None:
        super().__init__("streamlit")
        self.options: list[str] = []
        self.printed: list[str] = []

    def selectbox(
        self, label: str, options: Sequence[object], *, format_func: Callable[[object], str]
    ) -> object:
        """Show all options, and choose the first, as Streamlit does, or nothing."""
        assert label
        self.options = [format_func(option) for option in options]
        return options[0] if options else None

    def code(self, text: str) -> None:
        """Print."""
        self.printed.append(text)

    warning = code


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> _Streamlit:
    (app,) = [one for one in blocks(DOCS / "how-to/catalog-in-a-ui.md") if one.title == "app.py"]
    streamlit = _Streamlit()
    monkeypatch.setitem(sys.modules, "streamlit", streamlit)
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    (folder / "app.py").write_text(app.body, encoding="utf-8")
    runpy.run_path("app.py")
    return streamlit


def test_each_checkpoint_is_an_option(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's app shows all five, by model and best first, and prints the path of the chosen."""
    shown = _run(world, monkeypatch)

    assert len(shown.options) == 5
    assert shown.options[2].startswith("dbnet · resnet18 · dbnet-resnet18 (ep22 • hmean 0.904")
    assert shown.printed[0].endswith("dbnet-mobilenetv3/checkpoints/epoch=11-step=1200.ckpt")


def test_an_empty_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without checkpoints the app has a warning and no options."""
    (tmp_path / "outputs").mkdir()

    shown = _run(tmp_path, monkeypatch)

    assert shown.options == []
    assert shown.printed == ["no checkpoint below outputs"]
