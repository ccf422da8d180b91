"""CM2xx: which files there are, and whether they belong together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Severity, show_value
from checkpoint_meta.rules.rule import Flaw, rule
from checkpoint_meta.rules.subjects import owners_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.rules.case import Case


@rule("CM201", "missing-sidecar", mend="run ckpt-meta convert")
def sidecar_is_there(case: Case) -> Iterator[Flaw]:
    """Each checkpoint has a sidecar.

    One under an older name is CM206.
    """
    checkpoint = case.checkpoint
    if checkpoint is None or case.dangles or os.path.lexists(case.sidecar):
        return
    if not any(os.path.lexists(path) for path in checkpoint.older_sidecars):
        yield Flaw((), f"no sidecar {case.sidecar.name}", path=checkpoint.path)


@rule("CM202", "orphan-sidecar", mend="remove it, or bring its checkpoint back", fix="unsafe")
def checkpoint_is_there(case: Case) -> Iterator[Flaw]:
    """Each sidecar has its checkpoint.

    An orphan is left where a checkpoint was pruned or moved by something that does not know of
    sidecars. In a repository that holds sidecars without checkpoints, ignore this rule.
    """
    if case.checkpoint is None:
        yield Flaw((), "no checkpoint lies beside this sidecar")


@rule("CM203", "wrong-checkpoint-path", mend="run ckpt-meta convert --overwrite")
def path_leads_to_the_checkpoint(case: Case) -> Iterator[Flaw]:
    """The sidecar's `checkpoint_path` names the checkpoint that it lies beside.

    In 2.0 the path is relative to the sidecar's own folder. In 1.0 it is relative to an outputs
    folder that nobody knows any more, so only the file's name is compared. A link may be named
    as well as what it points to.
    """
    checkpoint, written = case.checkpoint, case.value(("checkpoint_path",))
    if checkpoint is None or not isinstance(written, str):
        return
    names = _names_of(checkpoint, case.sidecar.parent)
    if case.version == "1.0":
        matches = _last_part(written) in map(_last_part, names)
        expected = f".../{checkpoint.path.name}"
    else:
        matches = os.path.normpath(written) in names
        expected = names[0]
    if not matches and not _named_rival(case, written):
        yield Flaw(("checkpoint_path",), f"expected {expected!r}, got {written!r}")


def _named_rival(case: Case, written: str) -> CheckpointFile | None:
    """Return the other checkpoint of this sidecar that it says it describes."""
    name = _last_part(written)
    return next((one for one in _rivals(case) if one.path.name == name), None)


def _names_of(checkpoint: CheckpointFile, folder: Path) -> list[str]:
    """Return the checkpoint's path as written in `folder`, then that of what a link points to."""
    names = [os.path.relpath(checkpoint.path, folder)]
    if checkpoint.is_link:
        target, place = os.path.realpath(checkpoint.path), os.path.realpath(folder)
        names.append(os.path.relpath(target, place))
    return names


def _last_part(written: str) -> str:
    return written.replace("\\", "/").rsplit("/", 1)[-1]


def _rivals(case: Case) -> list[CheckpointFile]:
    """Return the other checkpoints that this sidecar would be the sidecar of."""
    checkpoint = case.checkpoint
    if checkpoint is None:
        return []
    owners = owners_of(case.sidecar, checkpoint.layout)
    return [one for one in owners if one.path.name != checkpoint.path.name and not one.is_link]


@rule("CM204", "changed-checkpoint", mend="run ckpt-meta convert, which resolves it anew")
def checkpoint_is_the_one_described(case: Case) -> Iterator[Flaw]:
    """The checkpoint still has the size and fingerprint that its sidecar recorded.

    Its time of change is not compared: a copy has a new one. The pickle is not read for this, so
    that `--select CM1,CM2` judges thousands of checkpoints in seconds.
    """
    recorded = case.value(("checkpoint",))
    if not isinstance(recorded, dict):
        return
    for key, found in case.identity.items():
        said = recorded.get(key)
        if said is not None and found is not None and said != found:
            change = f"{show_value(said)}, now {show_value(found)}"
            message = f"the checkpoint changed after this was written: {change}"
            yield Flaw(("checkpoint", key), message)
            return


@rule("CM205", "shared-sidecar", mend="rename one of the checkpoints")
def sidecar_has_one_checkpoint(case: Case) -> Iterator[Flaw]:
    """No two checkpoints share one sidecar, as `last.ckpt` and `last.pt` would.

    The sidecar can describe one of them only.
    """
    checkpoint, rivals = case.checkpoint, _rivals(case)
    if checkpoint is None or not rivals:
        return
    names = sorted((checkpoint.path.name, *(one.path.name for one in rivals)))
    if names[0] == checkpoint.path.name:
        yield Flaw((), f"{' and '.join(names)} share one sidecar", path=_shown(case))


@rule(
    "CM206",
    "misplaced-sidecar",
    mend="run ckpt-meta validate --fix; where that leaves it, run ckpt-meta convert and remove it",
    fix="safe",
)
def sidecar_has_its_name(case: Case) -> Iterator[Flaw]:
    """No sidecar stands under the names that older tools used.

    `x.ckpt.metadata.yaml` and `x.metadata.json` are read, but other readers do not find them.
    """
    checkpoint = case.checkpoint
    for path in checkpoint.older_sidecars if checkpoint else ():
        if os.path.lexists(path):
            rest = ", which stands there too" if os.path.lexists(case.sidecar) else ""
            yield Flaw((), f"expected the name {case.sidecar.name}{rest}", path=path)


@rule("CM207", "dangling-link", severity=Severity.WARNING, mend="remove the link, or point it anew")
def link_leads_somewhere(case: Case) -> Iterator[Flaw]:
    """A link such as `last.ckpt` points to a checkpoint that is there."""
    checkpoint = case.checkpoint
    if checkpoint is not None and case.dangles:
        yield Flaw((), f"points to {checkpoint.path.readlink()}", path=checkpoint.path)


def _shown(case: Case) -> Path:
    return case.sidecar if os.path.lexists(case.sidecar) else case.subject.path
