"""Findings as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from checkpoint_meta.reports.names import Fingerprints, sentence_of, uri_of
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.version import TOOL, VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.findings import Finding, Verdict
    from checkpoint_meta.rules.rule import Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_FINGERPRINT: Final = "checkpointMeta/v1"


class SarifReport:
    """One run with every rule, and a result for each finding, written as it grows."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fingerprints = Fingerprints(root)
        self._separator = "\n"
        self._places = {code: place for place, code in enumerate(all_rules())}

    def begin(self) -> str:
        """Return everything up to the results."""
        driver = {
            "name": TOOL,
            "semanticVersion": VERSION,
            "rules": [_descriptor(rule) for rule in all_rules().values()],
        }
        return (
            f'{{"$schema": {json.dumps(SCHEMA)}, "version": "2.1.0", "runs": [{{\n'
            f'"tool": {{"driver": {json.dumps(driver)}}},\n'
            '"columnKind": "unicodeCodePoints",\n"results": ['
        )

    def add(self, verdict: Verdict) -> str:
        """Return each finding as a result."""
        return "".join(self._item(finding) for finding in verdict.findings)

    def end(self) -> str:
        """Return what closes the document."""
        return "\n]}]}\n"

    def _item(self, finding: Finding) -> str:
        before, self._separator = self._separator, ",\n"
        return f"{before}  {json.dumps(self._result(finding))}"

    def _result(self, finding: Finding) -> dict[str, JSONValue]:
        problem = finding.problem
        location: dict[str, JSONValue] = {
            "artifactLocation": {"uri": uri_of(finding.path, self._root)}
        }
        if problem.place:
            place = problem.place
            location["region"] = {"startLine": place.line, "startColumn": place.column}
        return {
            "ruleId": problem.code,
            "ruleIndex": self._places[problem.code],
            "level": problem.severity.value,
            "message": {"text": sentence_of(finding)},
            "locations": [{"physicalLocation": location}],
            "partialFingerprints": {_FINGERPRINT: self._fingerprints.of(finding)},
        }


def _descriptor(rule: Rule) -> dict[str, JSONValue]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.sentence},
        "fullDescription": {"text": rule.page},
        "help": {"text": f"To mend: {rule.mend}."},
        "defaultConfiguration": {"level": rule.severity.value},
    }
