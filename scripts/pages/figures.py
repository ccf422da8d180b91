"""The figures of `scripts/bench` in the page about performance, with machine and versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "performance.md"

_PACKAGES: Final = ("torch", "lightning", "pydantic", "PyYAML", "yaml-rs", "picklescan")

_SECTION: Final = re.compile(
    r"^<!-- figures of (?P<part>[\w-]+) -->\n.*?^<!-- end of figures -->\n",
    re.MULTILINE | re.DOTALL,
)


class Measured(Protocol):
    """What a bench yields: ours beside a peer, and the ratio that is aimed at."""

    @property
    def name(self) -> str:
        """Return what was measured."""

    @property
    def ours(self) -> float:
        """Return our figure."""

    @property
    def peer(self) -> float:
        """Return the peer's."""

    @property
    def unit(self) -> str:
        """Return the unit of both."""

    @property
    def aim(self) -> float:
        """Return what the ratio should at least be."""

    @property
    def peer_name(self) -> str:
        """Return who the peer is."""

    @property
    def ratio(self) -> float:
        """Return how many times smaller ours is."""


@dataclass(frozen=True)
class Setting:
    """Where and when figures were measured."""

    day: str
    commit: str
    machine: str
    versions: str


def with_figures(
    page: str, part: str, title: str, figures: Sequence[Measured], setting: Setting
) -> str:
    """Return the page with the part's figures in the place of its older ones, or at the end."""
    section = "".join(f"{line}\n" for line in _section(part, title, figures, setting))
    if any(match["part"] == part for match in _SECTION.finditer(page)):
        return _SECTION.sub(
            lambda match: section if match["part"] == part else match[0],
            page,
        )
    return f"{page.rstrip()}\n\n{section}"


def _section(part: str, title: str, figures: Sequence[Measured], setting: Setting) -> Iterator[str]:
    yield f"<!-- figures of {part} -->"
    yield f"### {part}\n"
    yield f"{title}\n"
    yield "| | ours | peer | ratio | aim |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for figure in figures:
        missed = "" if figure.ratio >= figure.aim else ", missed"
        cells = (
            figure.name,
            f"{_number(figure.ours)} {figure.unit}",
            f"{figure.peer_name}: {_number(figure.peer)} {figure.unit}",
            f"{_number(figure.ratio)} x",
            f"{_number(figure.aim)} x{missed}",
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield f"\n{setting.day}, commit {setting.commit}; {setting.machine}; {setting.versions}."
    yield "<!-- end of figures -->"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


def read_setting() -> Setting:
    """Return this machine, now."""
    git = ["git", "-C", str(PAGE.parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    packages = [f"{name} {found}" for name in _PACKAGES if (found := _version(name))]
    return Setting(
        day=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=done.stdout.strip() or "unknown",
        machine=f"{_processor()}, {_cores()} cores, {_memory_gb():.0f} GB, {platform.system()}",
        versions=", ".join([f"Python {platform.python_version()}", *packages]),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
