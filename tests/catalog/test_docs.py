from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.catalog.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS = Path(__file__).parent.parent.parent / "docs"


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", "".join(_blocks("reference/queries.md", "query")).splitlines())
def test_each_query_of_the_page_parses(query: str) -> None:
    """What the reference shows is what the parser accepts."""
    assert parse_query(query).expression == query


def test_the_code_of_the_page_runs(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block, in a folder that has `outputs`."""
    chosen: list[object] = []

    def selectbox(_: str, options: Sequence[object], **rest: object) -> object:
        chosen.extend(rest["format_func"](option) for option in options)  # type: ignore[operator]
        return options[0]

    streamlit = ModuleType("streamlit")
    streamlit.__dict__["selectbox"] = selectbox
    monkeypatch.setitem(sys.modules, "streamlit", streamlit)
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(outputs.parent / "cache"))
    monkeypatch.chdir(outputs.parent)

    for block in _blocks("how-to/catalog-in-a-ui.md", "python"):
        exec(compile(block, "catalog-in-a-ui.md", "exec"), {})  # noqa: S102 - that is the test

    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == "0 % of 3 have a sidecar"
    assert len(chosen) == 3
    assert shown[0].startswith(str(chosen[0]))
