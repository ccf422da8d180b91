"""CM303 and its kin: metrics that contradict each other, whatever the checkpoint says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity, show_value
from checkpoint_meta.metric_names import standing
from checkpoint_meta.readers.yaml import is_finite
from checkpoint_meta.rules.rule import Flaw, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checkpoint_meta.rules.case import Case

TOLERANCE: Final = 1e-4
"""How far an averaged F1 may lie from what precision and recall allow."""

_SHARES: Final = ("precision", "recall", "hmean")


def _shares(case: Case) -> tuple[float, float, float] | None:
    precision, recall, hmean = (case.number(("metrics", name)) for name in _SHARES)
    if precision is None or recall is None or hmean is None:
        return None
    shares = precision, recall, hmean
    # What lies outside is CM107; nothing follows from it.
    return shares if all(0 <= share <= 1 for share in shares) else None


@rule("CM303", "impossible-hmean", mend="find out which of the three is another checkpoint's")
def hmean_is_possible(case: Case) -> Iterator[Flaw]:
    """The hmean is not above the mean of precision and recall.

    No mean of F1 scores is above it, harmonic or not; 1e-4 is allowed for rounding. Where it
    is, one of the three was measured at another moment.
    """
    shares = _shares(case)
    if shares is None:
        return
    precision, recall, hmean = shares
    highest = (precision + recall) / 2
    if hmean > highest + TOLERANCE:
        message = (
            f"{hmean:.6g} is impossible with precision {precision:.6g} and recall {recall:.6g}"
        )
        yield Flaw(("metrics", "hmean"), f"{message}: {highest:.6g} at most")


@rule(
    "CM304",
    "low-hmean",
    severity=Severity.WARNING,
    mend="ignore it where F1 is averaged over images",
)
def hmean_is_not_below_harmonic(case: Case) -> Iterator[Flaw]:
    """The hmean is not below the harmonic mean of precision and recall.

    Averaged over images it may be, rightly; else one of the three is another checkpoint's.
    """
    shares = _shares(case)
    if shares is None or shares[0] + shares[1] <= 0:
        return
    precision, recall, hmean = shares
    harmonic = 2 * precision * recall / (precision + recall)
    if hmean < harmonic - TOLERANCE:
        yield Flaw(("metrics", "hmean"), f"{hmean:.6g} is below the harmonic mean {harmonic:.6g}")


@rule(
    "CM310",
    "metric-outside-0-to-1",
    severity=Severity.WARNING,
    mend="log it as a share of 1, or ignore this rule",
)
def shares_lie_between_0_and_1(case: Case) -> Iterator[Flaw]:
    """What was logged as precision, recall or hmean lies between 0 and 1.

    Per cents are kept in `additional_metrics` and never rescaled by guess, so that the field
    itself stays empty and no condition on it passes.
    """
    others = case.value(("metrics", "additional_metrics"))
    for name, value in others.items() if isinstance(others, dict) else ():
        field = next((one for one in _SHARES if _stands_for(one, name, case.aliases)), None)
        if field is None or not isinstance(value, (int, float)) or not is_finite(value):
            continue
        if not 0 <= value <= 1 and case.number(("metrics", field)) is None:
            message = f"{show_value(value)} lies outside 0 to 1, so metrics.{field} is empty"
            yield Flaw(("metrics", "additional_metrics", name), message)


def _stands_for(field: str, name: str, aliases: Mapping[str, str]) -> bool:
    return aliases[field] == name if field in aliases else standing(field, name) is not None
