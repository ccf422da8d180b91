"""What the state of Lightning's ModelCheckpoint says about one file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.yaml import is_finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents

_MODE: Final = re.compile(r"'mode': '(min|max)'")
"""Only the state key has the mode: `ModelCheckpoint{'monitor': 'val/hmean', 'mode': 'max'}`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How one ModelCheckpoint chose one file."""

    monitor: str | None
    mode: str | None
    score: float | None
    """The monitored metric of this very file."""


def choice_of(checkpoint: CheckpointFile, contents: CheckpointContents) -> Choice | None:
    """Return how the checkpoint was chosen, a link's target for a link."""
    path = checkpoint.path.resolve() if checkpoint.is_link else checkpoint.path.absolute()
    version = contents.lightning_version
    return find_choice(contents.callbacks, path.name, version, path.parent.name)


def find_choice(
    callbacks: Mapping[str, JSONValue],
    name: str,
    lightning_version: str | None,
    folder: str = "",
) -> Choice | None:
    """Return the choice of the ModelCheckpoint that wrote the file called `name`.

    With several in the run it is the one whose state names the file, and if several do, the one
    that names it in a `folder` of that name; none if that does not tell.
    """
    states = {
        key: state
        for key, state in callbacks.items()
        if isinstance(state, dict) and "best_model_path" in state
    }
    named = {key: state for key, state in states.items() if _names(state, name)}
    if len(named) > 1:
        named = {key: state for key, state in named.items() if _names(state, f"{folder}/{name}")}
    candidates = named or states
    if len(candidates) != 1:
        return None
    key, state = next(iter(candidates.items()))
    mode = _MODE.search(key)
    monitor = state.get("monitor")
    return Choice(
        monitor if isinstance(monitor, str) else None,
        mode[1] if mode else None,
        _score(state, name, lightning_version),
    )


def basename(path: str) -> str:
    """Return the last part of a path that was written on any system."""
    return _parts(path)[-1]


def _parts(path: str) -> tuple[str, ...]:
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.parts or ("",)


def _names(state: Mapping[str, JSONValue], end: str) -> bool:
    """Tell whether the state has a path that ends in `end`: a name, or a folder and a name."""
    best = state.get("best_k_models")
    paths = [*(best if isinstance(best, dict) else ())]
    paths += [str(state.get(key)) for key in ("best_model_path", "last_model_path")]
    parts = tuple(end.split("/"))
    return any(_parts(path)[-len(parts) :] == parts for path in paths)


def _score(
    state: Mapping[str, JSONValue], name: str, lightning_version: str | None
) -> float | None:
    """Return the score of the file itself; never `best_model_score`, which is the run's.

    Where `best_k_models` names the file, the state was written with it, so that `current_score`
    is the file's too; it is taken first, since a NaN is infinity in `best_k_models`. `last.ckpt`
    is written together with the file that `current_score` belongs to only since Lightning 2.6.
    """
    best = state.get("best_k_models")
    current = _number(state.get("current_score"))
    if isinstance(best, dict):
        for path, score in best.items():
            if basename(path) == name:
                return _number(score) if current is None else current
    is_last = basename(str(state.get("last_model_path"))) == name
    return current if is_last and _at_least_2_6(lightning_version) else None


def _number(value: JSONValue) -> float | None:
    # Lightning turns a NaN score into infinity, so neither says how good the file is.
    return float(value) if isinstance(value, (int, float)) and is_finite(value) else None


def _at_least_2_6(version: str | None) -> bool:
    found = re.match(r"(\d+)\.(\d+)", version or "")
    return found is not None and (int(found[1]), int(found[2])) >= (2, 6)
