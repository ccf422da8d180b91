"""The documentation builds, and every link in it and in the README leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.pages import DOCS, ROOT, pages

if TYPE_CHECKING:
    from pathlib import Path

_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_CODE: Final = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as CI does: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_each_page_is_in_the_site_and_its_menu(site: Path) -> None:
    """A page that nobody can reach from the first one is lost."""
    first = (site / "index.html").read_text(encoding="utf-8")

    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html")
        assert (site / name).exists(), name
        assert f'href="{name}"' in first or str(name) == "index.html", f"mkdocs.yml: no {name}"


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """Fonts, scripts and styles come with it."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img)[^>]* src=\"(https?:[^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]* rel=\"stylesheet\"[^>]* href=\"(https?:[^\"]+)\"", text)
        assert loaded == [], page


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    """Each file is there, and each place in it."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))

    for match in _LINK.finditer(text):
        target = match[1] or match[2]
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.relative_to(ROOT)}: {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.relative_to(ROOT)}: {target}"


def _anchors(page: Path) -> set[str]:
    """Return the places of a page, as GitHub and mkdocs name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_a_dead_link_would_be_seen() -> None:
    """The check knows headings, so that a wrong one is told from a right one."""
    anchors = _anchors(DOCS / "architecture.md")

    assert "one-checkpoints-way" in anchors
    assert "another-checkpoints-way" not in anchors
