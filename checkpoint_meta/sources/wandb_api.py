"""What W&B's server says of the checkpoint's run; asked only where the user allows it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.schema.fields import flatten
from checkpoint_meta.sources.judged_logs import Question, question_about
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.run_logs import LogKind, find_logs
from checkpoint_meta.sources.step_rule import Finding, Verdict, judge
from checkpoint_meta.sources.wandb_cache import WandbCache
from checkpoint_meta.sources.wandb_choice import RunName, WandbChoice, parse_run
from checkpoint_meta.sources.wandb_client import PREFIX
from checkpoint_meta.sources.wandb_logs import WandbLogs, configuration, identity
from checkpoint_meta.sources.wandb_runs import STEP, RemoteRuns
from checkpoint_meta.store import read_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.sources.run_logs import LogFiles

_RUN_ID: Final = re.compile(r"[a-z0-9]{8}")


@cache
def shared_runs(*, refresh: bool) -> RemoteRuns:
    """Return the runs that this process knows; every source asks the same client."""
    return RemoteRuns(WandbCache(refresh=refresh))


class WandbApiSource:
    """The configuration of the checkpoint's run, and its metrics at the checkpoint's own step."""

    name: ClassVar[str] = "wandb"

    def __init__(
        self,
        aliases: Mapping[str, str] | None = None,
        choice: WandbChoice | None = None,
        *,
        refresh: bool = False,
        runs: RemoteRuns | None = None,
    ) -> None:
        self._aliases = dict(aliases or {})
        self._choice = choice or WandbChoice()
        self._local = WandbLogs(self._choice)
        self._refresh = refresh
        self._runs = runs
        self._found: dict[Path, list[LogFiles]] = {}

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment where the checkpoint's run is known.

        Raises:
            ReadError: if the checkpoint cannot be read.
            MissingExtraError: if wandb is not installed.
            WandbUnavailableError: if the server cannot be asked.
        """
        self._remote().client.check()
        contents = read_contents(checkpoint)
        question = question_about(checkpoint, contents)
        run = self._name(checkpoint, contents, question)
        if run is None:
            return
        if run.project is None:
            note = f"{PREFIX}: the project of a run is not known; --wandb-project says it"
            yield Fragment(Origin(self.name, ""), {}, notes=(note,))
            return
        yield self._ask(run, question, checkpoint)

    def _remote(self) -> RemoteRuns:
        return self._runs or shared_runs(refresh=self._refresh)

    def _name(
        self, checkpoint: CheckpointFile, contents: CheckpointContents, question: Question
    ) -> RunName | None:
        """Return the run by what the user, the sidecar, the local files or the folder say."""
        local = self._local.find(checkpoint, contents, question, self._below(checkpoint.run_dir))
        by_user = self._choice.run_of(checkpoint)
        said = [
            *([by_user] if by_user else ()),
            *(_named_in(fragment.values) for fragment in local.fragments),
            _from_sidecar(checkpoint),
            _from_folder(checkpoint),
        ]
        run_id = next((one.run_id for one in said if one.run_id), None)
        if run_id is None:
            return None
        about = [
            *([by_user] if by_user else ()),
            self._choice.place,
            *(one for one in said if one.run_id == run_id),
        ]
        project = next((one.project for one in about if one.project), None)
        return RunName(run_id, project, next((one.entity for one in about if one.entity), None))

    def _below(self, run_dir: Path) -> list[LogFiles]:
        if run_dir not in self._found:
            logs = find_logs(run_dir)
            self._found[run_dir] = [log for log in logs if log.kind is LogKind.WANDB]
        return self._found[run_dir]

    def _ask(self, run: RunName, question: Question, checkpoint: CheckpointFile) -> Fragment:
        path = f"{run.entity}/{run.project}" if run.entity else str(run.project)
        runs = self._remote()
        found = runs.get(path, run.run_id, lambda: self._neighbours(checkpoint))
        if found is None:
            note = f"W&B: {path} has no run {run.run_id}"
            return Fragment(Origin(self.name, ""), {}, notes=(note,))
        verdict = _judge(runs.rows(path, run.run_id), question)
        values = _describe(found)
        reason = f" ({verdict.reason})" if verdict.reason else ""
        notes = [f"W&B run {run.run_id} on its server: {verdict.finding}{reason}"]
        if verdict.finding.is_written:
            named = name_metrics(verdict.metrics, self._aliases)
            values |= named.values
            notes += named.notes
        return Fragment(Origin(self.name, _text(found, "url") or path), values, notes=tuple(notes))

    def _neighbours(self, checkpoint: CheckpointFile) -> list[str]:
        """Return the runs that lie beside the checkpoint's, which are likely to be asked next."""
        folder = checkpoint.run_dir.absolute().parent
        beside = sorted(one.parent.name for one in folder.glob("*/checkpoints"))
        local = (run.run_id for run in self._local.around.of(checkpoint.run_dir))
        mapped = [parse_run(run).run_id for run in self._choice.by_pattern.values()]
        return [one for one in dict.fromkeys([*beside, *local, *mapped]) if _RUN_ID.fullmatch(one)]


def _judge(rows: Sequence[Mapping[str, float]], question: Question) -> Verdict:
    place = question.place
    if place is None:
        return Verdict(Finding.NONE, reason="its step in a log cannot be known")
    here = [
        {name: number for name, number in row.items() if name != STEP}
        for row in rows
        if row.get(STEP) in place.steps
    ]
    return judge(here, place, question.score)


def _describe(found: Mapping[str, JSONValue]) -> dict[FieldPath, JSONValue]:
    config, url = found.get("config"), _text(found, "url")
    values = identity(_text(found, "run_id"), _text(found, "entity"), _text(found, "project"))
    if url:
        values["wandb", "url"] = url
    return {**values, **(configuration(config) if isinstance(config, dict) else {})}


def _text(values: Mapping[str, JSONValue], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _named_in(values: Mapping[FieldPath, JSONValue]) -> RunName:
    texts = {field: value for field, value in values.items() if isinstance(value, str)}
    run_id = texts.get(("wandb", "run_id")) or texts.get(("wandb_run_id",)) or ""
    return RunName(run_id, texts.get(("wandb", "project")), texts.get(("wandb", "entity")))


def _from_sidecar(checkpoint: CheckpointFile) -> RunName:
    if not checkpoint.sidecar.is_file():
        return RunName("")
    try:
        document = read_sidecar(checkpoint.sidecar)
    except ReadError:
        # Convert itself says that it cannot be read.
        return RunName("")
    return _named_in(flatten(document))


def _from_folder(checkpoint: CheckpointFile) -> RunName:
    """Return what `<project>/<run_id>/checkpoints` says; the server tells whether it is a run."""
    run_dir = checkpoint.run_dir.absolute()
    if checkpoint.path.parent.name != "checkpoints" or not _RUN_ID.fullmatch(run_dir.name):
        return RunName("")
    return RunName(run_dir.name, run_dir.parent.name)
