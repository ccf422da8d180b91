"""W&B's local files: which run is the checkpoint's, who it is, and how it was configured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.sources.contents import presentable
from checkpoint_meta.sources.interface import location_of
from checkpoint_meta.sources.judged_logs import read_and_judge
from checkpoint_meta.sources.model_config import model_claims, training_claims
from checkpoint_meta.sources.signatures import load_signatures
from checkpoint_meta.sources.step_rule import Finding
from checkpoint_meta.sources.wandb_around import RunsAround
from checkpoint_meta.sources.wandb_evidence import (
    ONLY_ONE,
    Belonging,
    Clues,
    SaidRun,
    belonging,
    folder_names,
    said_run,
)
from checkpoint_meta.sources.wandb_index import WandbIndex, likely_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.sources.judged_logs import JudgedLog, Question
    from checkpoint_meta.sources.run_logs import LogFiles
    from checkpoint_meta.sources.wandb_choice import RunName, WandbChoice
    from checkpoint_meta.sources.wandb_index import IndexedRun

SOURCE: Final = "logs"

MOST_BYTES: Final = 128 * 1024 * 1024
"""How much is read, for one folder of runs, to find the one with the right score."""

_MOST_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class FoundRun:
    """What W&B's local files say about one checkpoint."""

    run: JudgedLog | None = None
    fragments: tuple[Fragment, ...] = ()


@dataclass(slots=True)
class WandbLogs:
    """Finds the run of a checkpoint among the local ones."""

    choice: WandbChoice
    _index: WandbIndex = field(default_factory=WandbIndex)
    around: RunsAround = field(init=False)
    """The runs in the folders above."""

    def __post_init__(self) -> None:
        self.around = RunsAround(self._index)

    def find(
        self,
        checkpoint: CheckpointFile,
        contents: CheckpointContents,
        question: Question,
        below: Sequence[LogFiles],
    ) -> FoundRun:
        """Return the run of a checkpoint; `below` are the runs in the folder of its own run."""
        by_user = self.choice.run_of(checkpoint)
        said = SaidRun(by_user.run_id) if by_user else said_run(checkpoint, contents)
        said_id = said.run_id if said else None
        clues = Clues(checkpoint, question, said_id, folder_names(checkpoint, contents))
        candidates = self._candidates(checkpoint, said_id, below)
        if by_user:
            candidates = [run for run in candidates if run.run_id == said_id]
        chosen, notes = _affordable(candidates, clues)
        readable = [run for run in chosen if run.facts.error is None]
        likely = likely_runs(readable, clues) if len(readable) > 1 else readable
        judged, unreadable = read_and_judge([run.log for run in likely], question)
        answer = belonging(clues, judged, [run.run_id for run in readable])
        faults = _unreadable([*unreadable, *(run.facts.error for run in chosen)])
        if answer.run is None:
            notes += _ambiguity(answer, below)
            values = identity(said_id, *_place(by_user))
            found = FoundRun(None, (_fragment(checkpoint, said, values, notes),))
        elif answer.how == ONLY_ONE and answer.run.log not in below:
            found = _unproved(answer.run, checkpoint, notes)
        else:
            found = _found(answer, checkpoint, said, notes)
        met = Fragment(Origin(SOURCE, ""), {}, faults=tuple(faults))
        return replace(found, fragments=(*found.fragments, met)) if faults else found

    def _candidates(
        self, checkpoint: CheckpointFile, said_id: str | None, below: Sequence[LogFiles]
    ) -> list[IndexedRun]:
        own = self._index.runs_in(dict.fromkeys(log.folder.parent for log in below))
        if own and (said_id is None or said_id in {run.run_id for run in own}):
            return own
        return own + self.around.of(checkpoint.run_dir)


def _place(named: RunName | None) -> tuple[str | None, str | None]:
    return (named.entity, named.project) if named else (None, None)


def _affordable(
    candidates: Sequence[IndexedRun], clues: Clues
) -> tuple[Sequence[IndexedRun], list[str]]:
    """Return the candidates that are read: all, or those that something names."""
    size = sum(run.size_bytes for run in candidates)
    if size <= MOST_BYTES:
        return candidates, []
    named = [run for run in candidates if run.run_id in {clues.said_id, *clues.folders}]
    note = f"W&B: {len(candidates)} runs of {size >> 20} MB; --wandb-run says which one it is"
    return named, [] if named else [note]


def _unreadable(errors: Iterable[str | None]) -> list[str]:
    """Return why some logs cannot be read; a folder of a thousand such is not worth as many."""
    said = [error for error in errors if error]
    more = len(said) - _MOST_SHOWN
    return said[:_MOST_SHOWN] + ([f"W&B: {more} more runs cannot be read"] if more > 0 else [])


def _ambiguity(answer: Belonging, below: Sequence[LogFiles]) -> list[str]:
    if not answer.ambiguous or (len(answer.ambiguous) == 1 and not below):
        return []
    shown = ", ".join(answer.ambiguous[:_MOST_SHOWN])
    more = len(answer.ambiguous) - _MOST_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return [f"W&B: ambiguous between {shown}{rest}; --wandb-run or --wandb-map settles it"]


def _fragment(
    checkpoint: CheckpointFile,
    said: SaidRun | None,
    values: Mapping[FieldPath, JSONValue],
    notes: Sequence[str],
) -> Fragment:
    location = location_of(said.file, checkpoint) if said and said.file else "--wandb-run"
    return Fragment(Origin(SOURCE, location if said else ""), values, notes=tuple(notes))


def _unproved(run: JudgedLog, checkpoint: CheckpointFile, notes: Sequence[str]) -> FoundRun:
    """Take nothing from a run that is merely the only one around."""
    place = location_of(run.log.path, checkpoint)
    note = f"W&B: {run.log.run_id} is the only run around, and nothing shows that it is this one's"
    doubted = replace(run, verdict=replace(run.verdict, reason="nothing shows whose run it is"))
    if run.verdict.finding is Finding.EXACT:
        doubted = replace(doubted, verdict=replace(doubted.verdict, finding=Finding.PROBABLE))
    return FoundRun(doubted, (Fragment(Origin(SOURCE, place), {}, notes=(*notes, note)),))


def _found(
    answer: Belonging, checkpoint: CheckpointFile, said: SaidRun | None, notes: Sequence[str]
) -> FoundRun:
    run = answer.run
    if run is None:
        return FoundRun()
    values: dict[FieldPath, JSONValue] = {}
    for parsed in run.parsed.runs:
        values |= identity(run.log.run_id, parsed.entity, parsed.project)
        values |= configuration(parsed.config)
    how = "what the user says" if said and said.file is None else answer.how
    note = f"W&B: run {run.log.run_id}, by {how}"
    location = location_of(run.log.path, checkpoint)
    return FoundRun(run, (Fragment(Origin(SOURCE, location), values, notes=(*notes, note)),))


def identity(
    run_id: str | None, entity: str | None = None, project: str | None = None
) -> dict[FieldPath, JSONValue]:
    """Return who a run is, as far as that is known."""
    values: dict[FieldPath, JSONValue] = {
        ("wandb", "entity"): entity,
        ("wandb", "project"): project,
        ("wandb", "run_id"): run_id,
        ("wandb_run_id",): run_id,
    }
    return {field: value for field, value in values.items() if value}


def configuration(config: Mapping[str, JSONValue]) -> dict[FieldPath, JSONValue]:
    """Return what a run was configured to do; names with `_` are W&B's own."""
    own = {key: value for key, value in config.items() if not key.startswith("_")}
    if not own:
        return {}
    claims = model_claims(own, load_signatures().aliases)
    return {**training_claims(own), **claims, ("hyperparameters",): presentable(own)}
