"""`scripts/bench --write` keeps the page, and replaces what it has measured."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass

from scripts.pages.figures import Setting, read_setting, with_figures
from tests.docs.pages import DOCS, ROOT

SETTING = Setting("2026-11-25", "abc1234", "a machine, 2 cores, 25 GB, Linux", "Python 3.11.7")


@dataclass(frozen=True)
class _Figure:
    name: str
    ours: float
    peer: float
    unit: str = "ms"
    aim: float = 10
    peer_name: str = "torch.load"

    @property
    def ratio(self) -> float:
        return self.peer / self.ours


def test_a_part_is_added_and_then_replaced() -> None:
    """The text before it and the figures of other parts stay as they are."""
    first = with_figures("# Speed\n\nWhy.\n", "a", "Of a.", [_Figure("x", 2, 30)], SETTING)
    both = with_figures(first, "b", "Of b.", [_Figure("y", 1, 30)], SETTING)
    again = with_figures(both, "a", "Of a.", [_Figure("x", 2, 16)], SETTING)

    assert "| x | 2 ms | torch.load: 30 ms | 15 x | 10 x |" in both
    assert "| x | 2 ms | torch.load: 16 ms | 8 x | 10 x, missed |" in again
    assert "30 ms | 15 x" not in again
    assert again.count("### a") == again.count("### b") == 1
    assert again.startswith("# Speed\n\nWhy.\n")
    assert again.index("### a") < again.index("### b")


def test_large_numbers_are_written_out() -> None:
    """Thousands have commas, and no exponent."""
    page = with_figures("", "a", "Of a.", [_Figure("x", 1234.5, 2_000_000)], SETTING)

    assert "| 1,234 ms | torch.load: 2,000,000 ms | 1,620 x |" in page


def test_the_setting_names_machine_and_versions() -> None:
    """Whoever reads a figure knows what it was measured with."""
    setting = read_setting()

    assert "cores" in setting.machine
    assert setting.versions.startswith(f"Python {sys.version_info.major}.")
    assert "torch " in setting.versions


def test_each_part_has_figures_on_the_page() -> None:
    """No bench is left out, and each says when and where it was run."""
    listed = subprocess.run(
        [ROOT / "scripts" / "bench", "--help"], capture_output=True, text=True, check=True
    )
    page = (DOCS / "explanation" / "performance.md").read_text(encoding="utf-8")

    parts = re.findall(r"any of ([\w, -]+)", " ".join(listed.stdout.split()))[0].split(", ")
    assert {"callback", "convert", "list", "reader"} <= set(parts)
    for part in parts:
        name = part.split()[0]
        assert page.count(f"<!-- figures of {name} -->") == 1, f"scripts/bench {name} --write"
    assert page.count("<!-- end of figures -->") == page.count("commit ")


def test_a_part_that_is_not_there_is_a_usage_error() -> None:
    """A typing error names the parts that there are, before anything is measured."""
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "cnvert"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.endswith(
        "no part 'cnvert'; there are callback, convert, list, reader, validate\n"
    )
