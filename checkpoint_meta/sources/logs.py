"""The run's local logs: what was measured at the checkpoint's own step, and which run it was."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.readers.yaml import read_yaml
from checkpoint_meta.sources.config_files import HPARAMS
from checkpoint_meta.sources.interface import location_of
from checkpoint_meta.sources.judged_logs import (
    JudgedLog,
    Question,
    question_about,
    read_and_judge,
    settle,
)
from checkpoint_meta.sources.marks import mark_of
from checkpoint_meta.sources.model_config import training_claims
from checkpoint_meta.sources.reading import read_contents
from checkpoint_meta.sources.run_logs import LogKind, find_logs
from checkpoint_meta.sources.step_rule import Finding
from checkpoint_meta.sources.wandb_choice import WandbChoice
from checkpoint_meta.sources.wandb_logs import WandbLogs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.sources.run_logs import LogFiles


class LogsSource:
    """`metrics.csv`, TensorBoard's events and W&B's local files of the checkpoint's run."""

    name: ClassVar[str] = "logs"

    def __init__(
        self, aliases: Mapping[str, str] | None = None, choice: WandbChoice | None = None
    ) -> None:
        self._aliases = dict(aliases or {})
        self._wandb = WandbLogs(choice or WandbChoice())
        self._found: dict[Path, list[LogFiles]] = {}
        self._marks: dict[tuple[Path, int], str] = {}

    def mark(self, checkpoint: CheckpointFile) -> str:
        """Return a mark of the run's logs; where none is W&B's, also of W&B's runs around it."""
        run_dir = checkpoint.run_dir
        logs = self._below(run_dir)
        has_own = any(log.kind is LogKind.WANDB for log in logs)
        written = checkpoint.path.stat().st_mtime
        around = [] if has_own else self._wandb.around.logs_before(run_dir, written)
        key = run_dir, len(around)
        if key not in self._marks:
            files = chain.from_iterable((*log.files, log.folder / HPARAMS) for log in logs)
            self._marks[key] = mark_of([*files, *around], run_dir, self._aliases)
        return self._marks[key]

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield one fragment for each log, with a note on what it says of the checkpoint.

        Raises:
            ReadError: if the checkpoint cannot be read; a log that cannot be is a note.
        """
        logs = self._logs(checkpoint)
        nearby = [log for log in logs if log.kind is LogKind.WANDB]
        plain = [log for log in logs if log.kind is not LogKind.WANDB]
        contents = read_contents(checkpoint)
        question = question_about(checkpoint, contents)
        judged, unreadable = read_and_judge(plain, question)
        found = self._wandb.find(checkpoint, contents, question, nearby)
        if found.run:
            judged.append(found.run)
        refuted = self._refuted(judged, question)
        for one in settle(judged):
            yield replace(self._fragment(one, checkpoint), refuted=refuted)
        yield from found.fragments
        if unreadable:
            yield Fragment(Origin(self.name, ""), {}, faults=tuple(unreadable))

    def _logs(self, checkpoint: CheckpointFile) -> list[LogFiles]:
        """Return the logs of the run; those beside the checkpoint put other versions out."""
        run_dir = checkpoint.run_dir
        found = self._below(run_dir)
        above = checkpoint.path.absolute().parents
        own = {
            log.kind: log.folder
            for log in found
            if log.folder.absolute() in above and log.folder != run_dir
        }
        if not own:
            return found
        return [log for log in found if log.kind is LogKind.WANDB or log.folder in own.values()]

    def _below(self, run_dir: Path) -> list[LogFiles]:
        if run_dir not in self._found:
            self._found[run_dir] = find_logs(run_dir)
        return self._found[run_dir]

    def _refuted(
        self, judged: Sequence[JudgedLog], question: Question
    ) -> Mapping[FieldPath, JSONValue]:
        """Return what the score is no claim for: a log has it at an earlier step, and none here."""
        verdicts = [one.verdict for one in judged]
        is_own = any(verdict.finding is Finding.VERIFIED for verdict in verdicts)
        is_older = any(verdict.measured_at is not None for verdict in verdicts)
        if question.score is None or is_own or not is_older:
            return {}
        return name_metrics({question.score.name: question.score.value}, self._aliases).values

    def _fragment(self, one: JudgedLog, checkpoint: CheckpointFile) -> Fragment:
        location = location_of(one.log.path, checkpoint)
        finding, reason = one.verdict.finding, one.verdict.reason
        notes = [f"{one.log.kind} log {location}: {finding}{f' ({reason})' if reason else ''}"]
        values: dict[FieldPath, JSONValue] = {}
        if finding.is_written:
            named = name_metrics(one.verdict.metrics, self._aliases)
            values |= named.values
            notes += named.notes
            values |= _hyper_parameters(one.log)
        return Fragment(Origin(self.name, location), values, notes=tuple(notes))


def _hyper_parameters(log: LogFiles) -> dict[FieldPath, JSONValue]:
    """Return what the `hparams.yaml` that Lightning writes beside a log says of the training."""
    file = log.folder / HPARAMS
    try:
        values = read_yaml(file) if file.is_file() else None
    except ReadError:
        # Lightning writes objects there that YAML alone cannot name; `config` reports the file.
        return {}
    return training_claims(values) if isinstance(values, dict) else {}
