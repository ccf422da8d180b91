"""Which W&B run a checkpoint belongs to, by the strongest evidence that there is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.resolve import agrees
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.sources.reading import read_config
from checkpoint_meta.sources.step_rule import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.readers.wandb_log import ArtifactFile
    from checkpoint_meta.sources.judged_logs import JudgedLog, Question

_ID_KEYS: Final[tuple[FieldPath, ...]] = (
    ("wandb_run_id",),
    ("wandb", "run_id"),
    ("wandb", "id"),
    ("logger", "wandb", "id"),
)
_CHUNK: Final = 1024 * 1024


ONLY_ONE: Final = "being the only one"


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a checkpoint that may tell its run."""

    checkpoint: CheckpointFile
    question: Question
    said_id: str | None
    folders: frozenset[str]
    """Names of folders that may be a run's id."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """The run of a checkpoint, what shows it, and between which it cannot be told."""

    run: JudgedLog | None = None
    how: str = ""
    ambiguous: tuple[str, ...] = ()
    """Ids of the runs that are left."""


@dataclass(frozen=True, slots=True)
class SaidRun:
    """A run id that stands somewhere."""

    run_id: str
    file: Path | None = None
    """Where it stands; `None`: the user said it."""


def said_run(checkpoint: CheckpointFile, contents: CheckpointContents) -> SaidRun | None:
    """Return the run id that the checkpoint or its Hydra configuration says."""
    hydra = checkpoint.run_dir / ".hydra" / "config.yaml"
    places: tuple[tuple[Path, Mapping[str, JSONValue]], ...] = (
        (checkpoint.path, contents.custom),
        (checkpoint.path, contents.hyper_parameters or {}),
        (hydra, _config(hydra)),
    )
    for file, values in places:
        for keys in _ID_KEYS:
            value = look_up(values, keys)
            if isinstance(value, str) and value and "$" not in value:
                return SaidRun(value, file)
    return None


def _config(file: Path) -> Mapping[str, JSONValue]:
    try:
        config = read_config(file) if file.is_file() else None
    except ReadError:
        # The source `hydra` reads the same file, and says what is wrong with it.
        return {}
    return config if isinstance(config, dict) else {}


def folder_names(checkpoint: CheckpointFile, contents: CheckpointContents) -> frozenset[str]:
    """Return the folders that may bear a run's id: `<project>/<run_id>/checkpoints`."""
    names = [checkpoint.path.absolute().parent.parent.name, checkpoint.run_dir.absolute().name]
    for state in contents.callbacks.values():
        folder = state.get("dirpath") if isinstance(state, dict) else None
        if isinstance(folder, str):
            names.append(_folder_above(folder))
    return frozenset(names)


def _folder_above(folder: str) -> str:
    """Return the name of the folder above one that was written on any system."""
    path = PureWindowsPath(folder) if "\\" in folder else PurePosixPath(folder)
    return path.parent.name


def belonging(clues: Clues, judged: Sequence[JudgedLog], candidates: Sequence[str]) -> Belonging:
    """Return the run of the checkpoint among W&B's runs, by the strongest evidence first.

    `candidates` are the ids of all runs, also of those that no evidence may speak for and that
    were not judged for this reason.
    """
    checkpoint = clues.checkpoint
    rules: tuple[tuple[str, Callable[[JudgedLog], bool]], ...] = (
        ("an artifact with its MD5", _Digests(checkpoint).holds),
        ("the run id that is said", lambda one: one.log.run_id == clues.said_id),
        ("its folder", lambda one: one.log.run_id in clues.folders),
        ("its score", lambda one: one.verdict.finding is Finding.VERIFIED),
        ("an artifact's file name and score", lambda one: _named(one, clues)),
    )
    for how, fits in rules:
        found = [one for one in judged if fits(one)]
        if len(found) == 1:
            return Belonging(found[0], how)
        if found:
            return _by_time(found, checkpoint, how)
    if len(judged) == len(candidates) == 1 and judged[0].verdict.finding is not Finding.CONFLICT:
        return Belonging(judged[0], ONLY_ONE)
    return Belonging(ambiguous=tuple(candidates))


def _by_time(found: Sequence[JudgedLog], checkpoint: CheckpointFile, how: str) -> Belonging:
    """Return the only run of several that was running when the checkpoint was written."""
    written = checkpoint.path.stat().st_mtime
    running = [one for one in found if _was_running(one, written)]
    if len(running) == 1:
        return Belonging(running[0], f"{how} and its time")
    return Belonging(ambiguous=tuple(one.log.run_id for one in found))


def _was_running(one: JudgedLog, moment: float) -> bool:
    starts = [run.started for run in one.parsed.runs if run.started is not None]
    ended = max(file.stat().st_mtime for file in one.log.files)
    return bool(starts) and min(starts) <= moment <= ended


def _named(one: JudgedLog, clues: Clues) -> bool:
    score = clues.question.score
    return score is not None and any(
        _said_of(file, "original_filename") == clues.checkpoint.path.name
        and agrees(_said_of(file, "score"), score.value, score.decimals)
        for file in _files(one)
    )


def _said_of(file: ArtifactFile, key: str) -> JSONValue:
    """Return what the metadata of an artifact says under `key`."""
    return file.metadata.get(key) if isinstance(file.metadata, dict) else None


def _files(one: JudgedLog) -> Iterator[ArtifactFile]:
    for run in one.parsed.runs:
        yield from run.files


@dataclass(slots=True)
class _Digests:
    """The checkpoint's MD5, taken only where an artifact holds a file of its size."""

    checkpoint: CheckpointFile
    _digest: str | None = None

    def holds(self, one: JudgedLog) -> bool:
        if self.checkpoint.is_sharded:
            return False
        size = self.checkpoint.path.stat().st_size
        return any(file.digest == self._md5() for file in _files(one) if file.size_bytes == size)

    def _md5(self) -> str:
        if self._digest is None:
            digest = hashlib.md5(usedforsecurity=False)
            with self.checkpoint.path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
            self._digest = base64.b64encode(digest.digest()).decode("ascii")
        return self._digest
