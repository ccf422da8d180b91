"""Draw a real `ckpt-meta list` in a terminal, light and dark: python -m scripts.pages.picture."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from scripts.pages.example import write_example

FOLDER: Final = Path(__file__).parents[2] / "docs" / "assets"

COLUMNS: Final = 108

COMMAND: Final = "ckpt-meta list outputs --sort hmean"

_ANSI: Final = [(40, 44, 52), (200, 50, 47), (60, 140, 60), (176, 120, 0), (38, 110, 190)]
_BRIGHT: Final = [
    (130, 137, 151),
    (224, 108, 117),
    (126, 195, 105),
    (229, 192, 123),
    (97, 175, 239),
]
_REST: Final = [(170, 60, 150), (42, 150, 150), (120, 120, 120)]

THEMES: Final = {
    "light": TerminalTheme((255, 255, 255), (36, 41, 46), [*_ANSI, *_REST], [*_ANSI, *_REST]),
    "dark": TerminalTheme((22, 27, 34), (215, 221, 228), [*_BRIGHT, *_REST], [*_BRIGHT, *_REST]),
}

# As rich draws it, but for the fonts that it fetches from elsewhere.
_SVG: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>What ckpt-meta list prints</title>
<style>
.{unique_id}-matrix {{
  font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Write both pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in render().items():
        (FOLDER / f"list-{name}.svg").write_text(text, encoding="utf-8")


def render() -> dict[str, str]:
    """Return the pictures by the name of their theme."""
    with tempfile.TemporaryDirectory() as folder:
        printed = _listed(Path(folder))
    return {name: _drawn(printed, theme) for name, theme in THEMES.items()}


def _listed(folder: Path) -> str:
    """Return what the command prints about the example, where one sidecar is missing."""
    outputs = folder / "outputs"
    write_example(outputs)
    subprocess.run(_command("ckpt-meta convert -q outputs"), cwd=folder, check=True, stdout=-3)
    max(outputs.glob("dbnet-mobilenetv3/checkpoints/*.yaml")).unlink()
    return _in_a_terminal(_command(COMMAND), folder)


def _command(line: str) -> list[str]:
    name, *arguments = line.split()
    return [str(Path(sys.executable).with_name(name)), *arguments]


def _in_a_terminal(command: list[str], folder: Path) -> str:
    """Run a command as a terminal of some columns would, and return what it is sent."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    env = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    env |= {"TERM": "xterm-256color", "CHECKPOINT_META_CACHE": str(folder / "cache")}
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=its, stdout=its, stderr=its)
    os.close(its)
    received = b""
    try:
        while block := os.read(ours, 4096):
            received += block
    except OSError:
        pass  # how Linux says that nobody has the terminal open any more
    finally:
        os.close(ours)
        process.wait()
    return received.decode().replace("\r\n", "\n")


def _drawn(printed: str, theme: TerminalTheme) -> str:
    console = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold"), COMMAND))
    console.print(Text.from_ansi(printed))
    drawn = console.export_svg(title="", theme=theme, code_format=_SVG, unique_id="list")
    # The frame is white, which is not seen on white.
    return drawn.replace("rgba(255,255,255,0.35)", "rgba(128,128,128,0.45)")


if __name__ == "__main__":
    main()
