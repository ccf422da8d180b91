"""CM3xx: what the checkpoint, its name and its siblings say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity, show_value
from checkpoint_meta.metric_names import name_metrics
from checkpoint_meta.resolve import agrees
from checkpoint_meta.rules.rule import Flaw, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checkpoint_meta.evidence import FieldPath
    from checkpoint_meta.rules.case import Case, Claim

EPOCH: Final = ("training", "epoch")
STEP: Final = ("training", "global_step")
METRICS: Final = ("metrics",)
SCORE: Final = ("checkpointing", "score")


def _contradicted(
    case: Case, claims: Iterable[Claim], who: str, *blocks: FieldPath
) -> Iterator[Flaw]:
    """Yield a flaw for each claim about these blocks that the sidecar contradicts.

    Pinned fields are a person's.
    """
    for claim in claims:
        said = case.value(claim.field)
        is_asked = any(claim.field[: len(block)] == block for block in blocks)
        if said is None or not is_asked or case.is_pinned(claim.field):
            continue
        if not agrees(said, claim.value, claim.decimals):
            # A text of the same digits as the number is another value, and is shown to be.
            form = repr if isinstance(said, str) != isinstance(claim.value, str) else str
            expected, got = show_value(claim.value, form), show_value(said, form)
            yield Flaw(claim.field, f"expected {expected}, as {who} says, got {got}")


@rule("CM301", "wrong-epoch", mend="run ckpt-meta convert --overwrite")
def epoch_and_step_are_the_checkpoints(case: Case) -> Iterator[Flaw]:
    """Epoch and global step are those that the checkpoint itself holds."""
    yield from _contradicted(case, case.own_claims, "the checkpoint", EPOCH, STEP)


@rule(
    "CM302",
    "contradicts-file-name",
    severity=Severity.WARNING,
    mend="rename the checkpoint, or correct the sidecar",
)
def name_says_the_same(case: Case) -> Iterator[Flaw]:
    """Epoch, step and metrics in the checkpoint's name are those of the sidecar.

    A number in a name is compared after rounding to its printed decimals. Names go stale when
    files are renamed or copied, so this is no more than a warning.
    """
    yield from _contradicted(case, case.name_claims, "the file's name", ())


@rule("CM305", "wrong-score", mend="run ckpt-meta convert --overwrite")
def score_is_the_monitored_metric(case: Case) -> Iterator[Flaw]:
    """The score, its monitor and its mode are those of the checkpoint's own ModelCheckpoint.

    Where the checkpoint says no score, it is the monitored metric, as far as the sidecar has it.
    """
    yield from _contradicted(case, case.own_claims, "the checkpoint", ("checkpointing",))
    monitor, score = case.value(("checkpointing", "monitor")), _score(case)
    # The checkpoint's own may be an earlier validation's; its fresh one is CM306's to compare.
    is_its_own = any(claim.field == SCORE for claim in case.own_claims)
    if is_its_own or not isinstance(monitor, str) or score is None:
        return
    for field in _places_of(case, monitor):
        measured = case.number(field)
        if measured is not None and not agrees(measured, score):
            message = f"{score} is not {monitor}, which is {measured} in {'.'.join(field)}"
            yield Flaw(SCORE, message)
            return


def _score(case: Case) -> float | None:
    return case.number(SCORE)


def _places_of(case: Case, monitor: str) -> Iterator[FieldPath]:
    yield "metrics", "additional_metrics", monitor
    yield from (
        field
        for field in name_metrics({monitor: 0.5}, case.aliases).values
        if field[1] != "additional_metrics"
    )


@rule("CM306", "wrong-metric", mend="run ckpt-meta convert --overwrite")
def metrics_are_the_checkpoints(case: Case) -> Iterator[Flaw]:
    """Each metric that the checkpoint carries is the same in its sidecar."""
    yield from _contradicted(case, case.own_claims, "the checkpoint", METRICS)


@rule(
    "CM307",
    "contradicts-logs",
    severity=Severity.WARNING,
    mend="find out which of the two is another run's",
)
def logs_say_the_same(case: Case) -> Iterator[Flaw]:
    """The metrics are those that the run's logs have at the checkpoint's own step.

    The logs are looked for below the run's folder: `metrics.csv`, TensorBoard's events and the
    files of W&B's local run. A log that cannot be read contradicts nothing.
    """
    yield from _contradicted(case, case.log_claims, "the run's log", METRICS, ("training",))


@rule(
    "CM309",
    "two-best",
    severity=Severity.WARNING,
    mend="run ckpt-meta convert --overwrite on the run's folder",
)
def one_is_the_best(case: Case) -> Iterator[Flaw]:
    """One ModelCheckpoint has one best checkpoint.

    Sidecars in the same folder with the same monitor, mode and `save_top_k` are taken for those
    of one ModelCheckpoint.
    """
    if case.value(("checkpointing", "best")) is not True or case.checkpoint is None:
        return
    settings = [case.value(("checkpointing", key)) for key in ("monitor", "mode", "save_top_k")]
    group = (str(case.sidecar.parent), *map(str, settings))
    field = ("checkpointing", "best")
    yield Flaw(field, "a second best checkpoint of one ModelCheckpoint", only_one=group)
