"""The rules' page in the documentation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_current() -> None:
    """`docs/reference/rules.md` is what `scripts/rules_table.py` writes."""
    file = ROOT / "scripts" / "rules_table.py"
    spec = importlib.util.spec_from_file_location("rules_table", file)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert script.PAGE.read_text(encoding="utf-8") == script.render(), "run scripts/rules_table.py"
