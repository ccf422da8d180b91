"""The folders that pages are tried in: what a page says is there, is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.store import read_sidecar
from scripts.pages.example import write_example
from tests.docs.pages import ROOT
from tests.sources.legacy import write_corpus

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY: Final = frozenset(
    {
        "docs/tutorial.md",
        "docs/how-to/lightning.md",
        "docs/how-to/hydra.md",
        "docs/how-to/lightning-cli.md",
        "docs/how-to/fabric.md",
    }
)
"""Pages that make what they need."""

TRAINS: Final = frozenset(name for name in EMPTY if "how-to" in name)
"""Pages after which each checkpoint has a valid sidecar."""

BARE: Final = frozenset({"README.md"})
"""Pages that start with `outputs` as `scripts/example` makes it: no checkpoint has a sidecar."""

LEGACY: Final = frozenset({"docs/how-to/migrate.md"})
"""Pages about what the system that we replace has left."""


def make_template(folder: Path) -> Path:
    """Write what most pages start with: `outputs` with sidecars, one run as `legacy` without."""
    write_example(folder / "outputs")
    _copy(folder / "outputs" / "dbnet-mobilenetv3", folder / "legacy" / "dbnet-mobilenetv3")
    for outcome in convert(iter_checkpoints(folder / "outputs")):
        assert outcome.status == "created", outcome
    return folder


def make_world(page: str, template: Path, folder: Path) -> Path:
    """Fill `folder` with what `page` starts with."""
    if page in LEGACY:
        write_corpus(folder / "outputs", old_sidecars=True)
    elif page not in EMPTY:
        _copy(template, folder)
    if page in BARE:
        for sidecar in (folder / "outputs").rglob("*.metadata.yaml"):
            sidecar.unlink()
    (folder / "scripts").symlink_to(ROOT / "scripts")
    return folder


def _copy(source: Path, target: Path) -> None:
    """Copy a tree, its checkpoints as hard links: 155 MB are written once."""

    def copy(one: str, other: str) -> None:
        if one.endswith(".ckpt"):
            os.link(one, other)
        else:
            shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=copy, dirs_exist_ok=True)


def shell(
    command: str, folder: Path, home: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a line as its reader would, with an own home and nothing of the test's terminal."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {name: text for name, text in os.environ.items() if not name.startswith("WANDB")}
    env |= {"PATH": path, "HOME": str(home), "PYTHONWARNINGS": "ignore", "COLUMNS": "110"}
    env.pop("XDG_CACHE_HOME", None)
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=env | dict(more or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def problems_below(folder: Path) -> list[str]:
    """Return what is wrong with the sidecars below a folder, missing ones included."""
    checkpoints = [*folder.rglob("*.ckpt")]
    sidecars = [*folder.rglob("*.metadata.yaml")]
    found = [str(problem) for one in sidecars for problem in check_document(read_sidecar(one))]
    if len(sidecars) != len(checkpoints) or not checkpoints:
        found.append(f"{len(checkpoints)} checkpoints and {len(sidecars)} sidecars")
    return found
