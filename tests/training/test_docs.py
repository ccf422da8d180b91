from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_the_ways_of_saving_is_current() -> None:
    """The page says what the tests say."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "ways_of_saving.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
