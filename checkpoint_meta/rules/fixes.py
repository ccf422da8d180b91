"""What can be mended in a sidecar without guessing: planned first, so that it can be shown."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import WriteError, printable
from checkpoint_meta.masking import MEASURED, mask_secrets
from checkpoint_meta.rules.case import Case
from checkpoint_meta.rules.rulebook import all_rules
from checkpoint_meta.rules.subjects import owners_of
from checkpoint_meta.schema.versions import SCHEMA_VERSION
from checkpoint_meta.sources.hydra import mask_override
from checkpoint_meta.sources.sidecar import read_any_sidecar
from checkpoint_meta.store import remove_sidecar, render_sidecar, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.subjects import Subject

    Document = dict[str, JSONValue]

MISPLACED: Final = "CM206"
ORPHAN: Final = "CM202"


@dataclass(frozen=True, slots=True)
class Change:
    """One sidecar before and after."""

    codes: tuple[str, ...]
    """Rules that the change satisfies."""

    source: Path
    target: Path | None
    """Where it stands afterwards; `None`: it is removed."""

    before: str
    after: str

    def __str__(self) -> str:
        what = ", ".join(self.codes)
        if self.target is None:
            return f"{what}: remove {printable(str(self.source))}"
        if self.target != self.source:
            return f"{what}: {printable(str(self.source))} becomes {printable(self.target.name)}"
        return f"{what}: rewrite {printable(str(self.source))}"

    def diff(self) -> str:
        """Return the change as `diff -u` prints it; a rename alone has none."""
        after = "/dev/null" if self.target is None else printable(str(self.target))
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            printable(str(self.source)),
            after,
        )
        return "".join(lines)


def plan_change(subject: Subject, codes: frozenset[str], *, unsafe: bool = False) -> Change | None:
    """Return the change that mends what it can of the rules in `codes`, `None` if nothing.

    Raises:
        ReadError: if the sidecar cannot be read.
    """
    case = Case(subject)
    if subject.checkpoint is None:
        return _removal(case) if unsafe and ORPHAN in codes else None
    source = _source(case)
    if source is None or source.is_symlink() or not source.is_file():
        return None
    document = read_any_sidecar(source)
    applied, mended = _mended(document, _broken(case, codes) if source == subject.readable else ())
    target = source
    if source != case.sidecar:
        if MISPLACED not in codes or not _may_move(case, document):
            return None
        applied, target = (MISPLACED, *applied), case.sidecar
    if not applied:
        return None
    before = after = source.read_text(encoding="utf-8-sig")
    if source.suffix != target.suffix:
        after = render_sidecar(mended)
    elif mended != document:
        after = render_sidecar(mended, before)
    return Change(applied, source, target, before, after)


def _removal(case: Case) -> Change | None:
    sidecar = case.sidecar
    return None if sidecar.is_symlink() else Change((ORPHAN,), sidecar, None, case.text, "")


def _broken(case: Case, codes: frozenset[str]) -> list[str]:
    """Return the rules that can be mended in a document, and are broken in this one."""
    rules = all_rules()
    return [code for code in _MENDS if code in codes and any(rules[code].check(case))]


def apply_change(change: Change) -> None:
    """Make the change.

    Raises:
        WriteError: if the folder or the disk refuses.
    """
    if change.target is None:
        remove_sidecar(change.source)
    elif change.before == change.after:
        _rename(change.source, change.target)
    else:
        replace_file(change.target, change.after.encode())
        if change.target != change.source:
            remove_sidecar(change.source)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        raise WriteError(target, str(error.strerror)) from error


def _source(case: Case) -> Path | None:
    """Return the one sidecar that is there; of several, nobody knows which one is meant."""
    older = case.checkpoint.older_sidecars if case.checkpoint else ()
    there = [path for path in (case.sidecar, *older) if os.path.lexists(path)]
    if there[:1] == [case.sidecar]:
        return case.sidecar
    return there[0] if len(there) == 1 else None


def _may_move(case: Case, document: Document) -> bool:
    """Tell whether a sidecar under an older name may take its place: ours, and one owner only."""
    checkpoint = case.checkpoint
    if checkpoint is None or not isinstance(document.get("schema_version"), str):
        return False
    return len(owners_of(case.sidecar, checkpoint.layout)) == 1


def _mended(document: Document, codes: Iterable[str]) -> tuple[tuple[str, ...], Document]:
    """Return which rules could be satisfied, and the document that satisfies them."""
    applied = []
    for code in codes:
        mended = _MENDS[code](document)
        if mended != document:
            applied.append(code)
            document = mended
    return tuple(applied), document


def _quote_version(document: Document) -> Document:
    version = document.get("schema_version")
    is_number = isinstance(version, float) and version in (1.0, 2.0)
    return document | {"schema_version": str(version)} if is_number else document


def _upgrade(document: Document) -> Document:
    from checkpoint_meta.schema.document import check_document
    from checkpoint_meta.schema.migrate import migrate

    if document.get("schema_version") == SCHEMA_VERSION or check_document(document):
        return document
    return migrate(document, SCHEMA_VERSION)


def _mask(document: Document) -> Document:
    configuration = {key: value for key, value in document.items() if key not in MEASURED}
    masked = mask_secrets(configuration)
    if not isinstance(masked, dict):
        return document
    overrides = document.get("hydra_overrides")
    if isinstance(overrides, list):
        shown = [mask_override(one) if isinstance(one, str) else one for one in overrides]
        masked["hydra_overrides"] = [*shown]
    return document | masked


_MENDS: Final[dict[str, Callable[[Document], Document]]] = {
    "CM103": _quote_version,
    "CM110": _upgrade,
    "CM109": _mask,
}
"""Rule -> what turns a document that breaks it into one that does not; applied in this order."""
