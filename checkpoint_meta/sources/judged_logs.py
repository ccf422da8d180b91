"""What several logs of one run say together about one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.resolve import agrees
from checkpoint_meta.sources.filename import printed_metrics
from checkpoint_meta.sources.log_cache import LOGS
from checkpoint_meta.sources.model_checkpoint import choice_of
from checkpoint_meta.sources.step_rule import (
    Finding,
    LoggedStep,
    Score,
    Verdict,
    is_score_stale,
    judge,
    logged_step,
    measured_before,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.sources.log_cache import ParsedLog
    from checkpoint_meta.sources.run_logs import LogFiles


_MOST_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each log: which row is this checkpoint's?"""

    place: LoggedStep | None
    score: Score | None

    def judge(self, parsed: ParsedLog) -> Verdict:
        """Return what one log says."""
        if self.place is None:
            return Verdict(Finding.NONE, reason="its step in a log cannot be known")
        verdict = judge(parsed.rows_at(self.place.steps), self.place, self.score)
        if self.score is None or verdict.finding not in (Finding.NONE, Finding.CONFLICT):
            return verdict
        score, scored = self.score, parsed.rows_with(lambda names: bool(score.names_in(names)))
        step = measured_before(scored, self.place, score)
        if step is None:
            return verdict
        reason = f"{score.name} {score.value} was measured at step {step}, before these weights"
        return replace(verdict, reason=reason, measured_at=step)


def question_about(checkpoint: CheckpointFile, contents: CheckpointContents) -> Question:
    """Return what to ask the logs about a checkpoint."""
    return Question(logged_step(contents), _own_score(checkpoint, contents))


def _own_score(checkpoint: CheckpointFile, contents: CheckpointContents) -> Score | None:
    """Return the score in the checkpoint's state, else the number in its name.

    One of an earlier validation is no proof of anything.
    """
    choice = choice_of(checkpoint, contents)
    scores = [
        Score(printed, number, decimals)
        for printed, (number, decimals) in printed_metrics(checkpoint).items()
    ]
    if choice and choice.monitor and choice.score is not None:
        scores.insert(0, Score(choice.monitor, choice.score))
    return next((one for one in scores if not is_score_stale(contents, one.name)), None)


@dataclass(frozen=True, slots=True)
class JudgedLog:
    """One log, and what it says about the checkpoint."""

    log: LogFiles
    parsed: ParsedLog
    verdict: Verdict


def read_and_judge(
    logs: Sequence[LogFiles], question: Question
) -> tuple[list[JudgedLog], list[str]]:
    """Return what each log says, and one sentence for each that cannot be read."""
    judged: list[JudgedLog] = []
    unreadable: list[str] = []
    for log in logs:
        try:
            parsed = LOGS.read(log)
        except ReadError as error:
            unreadable.append(str(error))
            continue
        judged.append(JudgedLog(log, parsed, question.judge(parsed)))
    return judged, unreadable


def settle(judged: Sequence[JudgedLog]) -> list[JudgedLog]:
    """Return the logs with what they say together; where they contradict, none is believed.

    Without a score a step alone does not tell two runs apart, so that a second log of the same
    kind leaves each of them probable.
    """
    written = [one for one in judged if one.verdict.finding.is_written]
    rivals = {
        id(one)
        for one in written
        if one.verdict.finding is Finding.EXACT
        and sum(other.log.kind is one.log.kind for other in judged) > 1
    }
    for one, other in combinations(written, 2):
        if _contradict(one.verdict, other.verdict):
            rivals |= {id(one), id(other)}
    return [_doubted(one, judged) if id(one) in rivals else one for one in judged]


def _contradict(one: Verdict, other: Verdict) -> bool:
    return any(
        not agrees(number, other.metrics[name])
        for name, number in one.metrics.items()
        if name in other.metrics
    )


def _doubted(one: JudgedLog, judged: Sequence[JudgedLog]) -> JudgedLog:
    rivals = [
        "/".join(other.log.path.parts[-2:])
        for other in judged
        if other is not one and other.log.kind is one.log.kind
    ]
    shown = f": {', '.join(rivals[:_MOST_SHOWN])}" if rivals else ""
    reason = f"ambiguous, another log fits as well{shown}"
    return replace(one, verdict=replace(one.verdict, finding=Finding.PROBABLE, reason=reason))
