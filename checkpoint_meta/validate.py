"""Judges checkpoints and their sidecars by the rules: a stream of findings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Problem, Severity
from checkpoint_meta.faults import guarded
from checkpoint_meta.masking import is_secret_name
from checkpoint_meta.rules.case import Case, forget_logs
from checkpoint_meta.rules.findings import Finding, Verdict
from checkpoint_meta.rules.places import locate
from checkpoint_meta.rules.policy import Policy
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.workers import DIED, map_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.rule import Flaw, Rule
    from checkpoint_meta.rules.subjects import Subject


NOT_JUDGED: Final = "CM101"
"""Rule that a subject breaks over which the judge itself stumbles."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of every subject."""

    policy: Policy = field(default_factory=Policy)
    codes: frozenset[str] | None = None
    """Rules that are asked; `None`: all."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> logged name, as the project has set."""

    count: Callable[[int], None] | None = None
    """Read every byte, and call this with how many were read; `None`: do not."""

    def severity(self, code: str) -> Severity:
        """Return how much a rule weighs here: as the policy says, else as the rule does."""
        if self.codes is not None and code not in self.codes:
            return Severity.OFF
        named = [prefix for prefix in self.policy.severities if code.startswith(prefix)]
        if named:
            return self.policy.severities[max(named, key=len)]
        return all_rules()[code].severity


def validate(
    subjects: Iterable[Subject], gate: Gate | None = None, *, jobs: int = 1
) -> Iterator[Finding]:
    """Yield every finding about the subjects, as soon as it is known."""
    for verdict in judge_all(subjects, gate or Gate(), jobs=jobs):
        yield from verdict.findings


def judge_all(subjects: Iterable[Subject], gate: Gate, *, jobs: int = 1) -> Iterator[Verdict]:
    """Yield one verdict for each subject, in order."""
    forget_logs()
    verdicts = map_in_processes(partial(judge, gate=gate), subjects, jobs, _lost)
    first: dict[tuple[str, ...], Path] = {}
    for verdict in verdicts:
        kept = tuple(_compared(verdict.findings, first))
        yield verdict if kept == verdict.findings else replace(verdict, findings=kept)


def _lost(subject: Subject) -> Verdict:
    return Verdict(subject.path, (Finding(subject.path, Problem("CM401", (), DIED)),))


def _compared(findings: Iterable[Finding], first: dict[tuple[str, ...], Path]) -> Iterator[Finding]:
    """Yield the findings without those of which there may be one, and there is one so far."""
    for finding in findings:
        earlier = first.setdefault(finding.only_one, finding.path) if finding.only_one else None
        if earlier is None:
            yield finding
        elif earlier != finding.path:
            message = f"{finding.problem.message}; the first is {earlier.name}"
            yield replace(finding, problem=replace(finding.problem, message=message))


def judge(subject: Subject, gate: Gate) -> Verdict:
    """Return the verdict on one subject; it raises nothing but a stop from outside."""
    findings, fault = guarded(lambda: tuple(_findings(subject, gate)))
    if findings is None:
        problem = Problem(NOT_JUDGED, (), f"could not be judged ({fault})")
        findings = (Finding(subject.path, problem),)
    return Verdict(subject.path, findings)


def _findings(subject: Subject, gate: Gate) -> Iterator[Finding]:
    case = Case(subject, gate.policy, gate.aliases, gate.count)
    found: list[Finding] = []
    for code, rule in all_rules().items():
        severity = gate.severity(code)
        if severity is not Severity.OFF:
            found += _asked(case, rule, severity)
    yield from _placed(found, case)


def _asked(case: Case, rule: Rule, severity: Severity) -> list[Finding]:
    """Return what one rule finds; a rule that breaks is an error of its own, and hides no other."""
    flaws, fault = guarded(lambda: list(rule.check(case)))
    if flaws is None:
        problem = Problem(rule.code, (), f"could not be judged ({fault})")
        return [Finding(case.subject.path, problem)]
    return [_finding(case, rule.code, severity, flaw) for flaw in flaws]


def _placed(findings: list[Finding], case: Case) -> Iterator[Finding]:
    """Yield the findings with the places of their fields in the sidecar."""
    sought = [one.problem.field for one in findings if _wants_place(one, case)]
    places = locate(case.text, sought) if sought else {}
    for one in findings:
        if _wants_place(one, case):
            place = places.get(one.problem.field)
            yield replace(one, problem=replace(one.problem, place=place))
        else:
            yield one


def _finding(case: Case, code: str, severity: Severity, flaw: Flaw) -> Finding:
    problem = Problem(code, flaw.field, flaw.message, severity, flaw.place)
    path = flaw.path or case.subject.readable or case.subject.path
    value = _value(case.document, problem) if flaw.value is None else flaw.value
    return Finding(path, problem, value, flaw.only_one)


def _wants_place(finding: Finding, case: Case) -> bool:
    problem = finding.problem
    return bool(problem.field) and problem.place is None and finding.path == case.subject.readable


def _value(document: Mapping[str, JSONValue], problem: Problem) -> str:
    field = problem.field
    if not field or any(map(is_secret_name, field)) or field[0] == "hydra_overrides":
        return ""
    value = look_up(document, field)
    # A number of thousands of digits has no text; its finding is told from others by its field.
    text, _ = guarded(lambda: "" if value is None else json.dumps(value, sort_keys=True))
    return text or ""
