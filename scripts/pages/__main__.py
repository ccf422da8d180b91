"""Write the generated pages of the documentation; with --check, say which are not current."""

from __future__ import annotations

import argparse
import sys

from scripts.pages import DOCS, GENERATED


def main() -> int:
    """Write or check all pages."""
    parser = argparse.ArgumentParser(prog="python -m scripts.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is old")
    is_check = parser.parse_args().check
    old = 0
    for name, render in GENERATED.items():
        page, text = DOCS / name, render()
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        old += 1
        print(f"{'not current' if is_check else 'written'}: docs/{name}")
        if not is_check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    return 1 if is_check and old else 0


if __name__ == "__main__":
    sys.exit(main())
