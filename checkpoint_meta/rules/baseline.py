"""Findings that a project knows of already: a file of fingerprints that may pass."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError, WriteError
from checkpoint_meta.readers.yaml import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkpoint_meta.rules.findings import Finding


class BaselineVersionError(ReadError):
    """A baseline was written by another version, whose fingerprints are others."""


VERSION: Final = 1
"""Of the file's format, and of how a fingerprint is made."""

BASELINE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """One finding that may pass."""

    rule: str
    path: str
    """Relative to the baseline's own folder, with `/`."""

    message: str
    """For people who read the file; it is not compared."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings that may pass, by fingerprint."""

    file: Path
    known: Mapping[str, Known]

    def fingerprint(self, finding: Finding) -> str:
        """Return the finding's fingerprint: rule, path relative to this file, and value."""
        return finding.fingerprint(_relative(finding, self.file))

    def knows(self, finding: Finding) -> bool:
        """Tell whether the finding may pass."""
        return self.fingerprint(finding) in self.known


@dataclass(frozen=True, slots=True)
class Change:
    """What a new baseline has that the old one had not, and the other way round."""

    came: tuple[Known, ...]
    went: tuple[Known, ...]


def read_baseline(file: Path) -> Baseline:
    """Return the baseline in a file.

    Raises:
        ReadError: if it cannot be read, is no baseline, or is one of another version.
    """
    text = read_text(file, BASELINE_BYTES)
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(file, f"not a baseline ({error})") from error
    if not isinstance(content, dict) or "baseline_version" not in content:
        raise ReadError(file, "not a baseline (no baseline_version)")
    version = content["baseline_version"]
    # True is 1 to Python.
    if version != VERSION or isinstance(version, bool):
        way_out = "write it anew with --write-baseline"
        raise BaselineVersionError(
            file, f"a baseline of version {version!r}, expected {VERSION}; {way_out}"
        )
    entries = content.get("findings")
    if not isinstance(entries, list):
        raise ReadError(file, "not a baseline (no list of findings)")
    return Baseline(file, dict(_entries(entries, file)))


def _entries(entries: list[object], file: Path) -> Iterable[tuple[str, Known]]:
    for entry in entries:
        given = entry if isinstance(entry, dict) else {}
        texts = [given.get(key) for key in ("fingerprint", "rule", "path", "message")]
        if not all(isinstance(text, str) for text in texts):
            raise ReadError(file, "not a baseline (a finding lacks its fingerprint, rule or path)")
        fingerprint, rule, path, message = map(str, texts)
        yield fingerprint, Known(rule, path, message)


def new_baseline(file: Path, findings: Iterable[Finding]) -> Baseline:
    """Return a baseline that lets these findings pass."""
    known = {}
    for finding in findings:
        path = _relative(finding, file)
        one = Known(finding.problem.code, path, str(finding.problem))
        known[finding.fingerprint(path)] = one
    return Baseline(file, known)


def render_baseline(baseline: Baseline) -> str:
    """Return the text of the file; the same findings make the same text."""
    ordered = sorted(baseline.known.items(), key=lambda item: (item[1].path, item[1].rule, item[0]))
    findings = [
        {"rule": one.rule, "path": one.path, "message": one.message, "fingerprint": fingerprint}
        for fingerprint, one in ordered
    ]
    return json.dumps({"baseline_version": VERSION, "findings": findings}, indent=2) + "\n"


def compare(old: Baseline | None, new: Baseline) -> Change:
    """Return what came and what went."""
    before = old.known if old else {}
    came = tuple(one for key, one in new.known.items() if key not in before)
    went = tuple(one for key, one in before.items() if key not in new.known)
    return Change(came, went)


def write_baseline(baseline: Baseline) -> None:
    """Write the file, whole or not at all.

    Raises:
        WriteError: if the folder or the disk refuses.
    """
    temporary = baseline.file.with_name(f".{baseline.file.name}.{os.getpid()}.partial")
    try:
        temporary.write_text(render_baseline(baseline), encoding="utf-8")
        temporary.replace(baseline.file)
    except OSError as error:
        raise WriteError(baseline.file, str(error.strerror)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _relative(finding: Finding, file: Path) -> str:
    return Path(os.path.relpath(finding.path, file.parent)).as_posix()
