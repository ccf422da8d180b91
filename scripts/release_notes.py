"""Print what CHANGELOG.md says of a release: scripts/release_notes.py v0.1.0."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(changelog: str, version: str) -> str:
    """Return the section of one version without its heading; empty where there is none."""
    heading = rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |^\[|\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def main() -> int:
    """Print the notes; fail where the tag is not the version, or the version is not described."""
    tag = sys.argv[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if tag != f"v{project['version']}":
        print(f"the tag is {tag}, and the version {project['version']}", file=sys.stderr)
        return 1
    found = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), project["version"])
    if not found:
        print(f"CHANGELOG.md has no section {project['version']}", file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
