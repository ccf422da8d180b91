"""CM4xx: whether the checkpoint can be read, and what loading it would run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.rules.registry import Flaw, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.rules.case import Case


@rule("CM401", "unreadable-checkpoint", mend="fetch it anew, or remove it")
def checkpoint_can_be_read(case: Case) -> Iterator[Flaw]:
    """The checkpoint can be read as one of the formats that PyTorch writes."""
    checkpoint, reason = case.checkpoint, case.contents_error
    if checkpoint is not None and reason is not None and checkpoint.path.exists():
        yield Flaw((), reason.removeprefix(f"{checkpoint.path}: "), path=checkpoint.path)


@rule("CM404", "truncated-checkpoint", mend="fetch it anew")
def checkpoint_is_whole(case: Case) -> Iterator[Flaw]:
    """The checkpoint is not cut off."""
    contents = case.contents
    if case.checkpoint is not None and contents is not None and contents.incomplete:
        message = f"cut off after {contents.size_bytes} bytes"
        yield Flaw((), message, path=case.checkpoint.path)
