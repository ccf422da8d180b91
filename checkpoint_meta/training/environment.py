"""The software that trains: versions, and the commit of the code."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue

GIT_SECONDS: Final = 2.0
"""How long git may take to tell whether files were changed."""


def environment_claims() -> dict[FieldPath, JSONValue]:
    """Return the claims about `environment`; nothing is imported for it."""
    values: dict[str, JSONValue] = {
        "lightning": _version("lightning") or _version("pytorch_lightning"),
        "torch": _version("torch"),
        "python": platform.python_version(),
        **git_state(Path.cwd()),
    }
    return {("environment", key): value for key, value in values.items() if value is not None}


@cache
def git_state(folder: Path) -> dict[str, JSONValue]:
    """Return the commit that `folder` is at, and whether tracked files differ from it.

    Asked once in a process: the code that runs is the code that was imported.
    """
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if root is None:
        return {}
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"git_commit": commit, "git_dirty": None if changes is None else bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git says; `None` where there is no git, or no answer in time."""
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(  # noqa: S603 - no shell, and our own arguments
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _version(package: str) -> str | None:
    version = getattr(sys.modules.get(package), "__version__", None)
    return None if version is None else str(version)
