"""What a project asks of its checkpoints beyond the rules' own defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkpoint_meta.errors import CheckpointMetaError, printable
from checkpoint_meta.evidence import show_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, Problem, Severity
    from checkpoint_meta.rules.families import Family


@dataclass(frozen=True, slots=True)
class Policy:
    """Required fields, conditions, model families and severities."""

    require: tuple[FieldPath, ...] = ()
    """Fields that each sidecar must have."""

    where: tuple[str, ...] = ()
    """Conditions that each must fulfil, in the language of `list --where`."""

    families: tuple[Family, ...] | None = None
    """Each model must be of one of these; `None`: any will do."""

    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Code or prefix -> severity, where it is not the rule's own."""


class PolicyError(CheckpointMetaError, ValueError):
    """A policy or a file that it names says something that cannot be meant."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """Return a line for each problem; a condition that does not parse has two more."""
        return tuple(line for problem in self.problems for line in self._shown(problem).split("\n"))

    def _shown(self, problem: Problem) -> str:
        where = f":{problem.place.line}:{problem.place.column}" if problem.place else ""
        subject = f"{show_field(problem.field)}: " if problem.field else ""
        return f"{printable(str(self.path))}{where}: {subject}{problem.message}"
