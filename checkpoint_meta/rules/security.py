"""CM4xx: whether the checkpoint can be read, and what loading it would run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Severity, show_value
from checkpoint_meta.readers.globals import GlobalClass, classify_global
from checkpoint_meta.rules.deep import check_crcs, sha256_of
from checkpoint_meta.rules.rule import Flaw, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.rules.case import Case

AMBIGUOUS: Final = (
    "same name, or differ in case only",
    "two end records differ",
    "several top folders",
    "a NUL in its name",
    "not where its directory says",
    "not where its end record says",
    "the entries that it claims",
)
"""What the reader says of a zip that other readers may read otherwise."""

_SHOWN: Final = 5


@rule("CM401", "unreadable-checkpoint", mend="fetch it anew, or remove it")
def checkpoint_can_be_read(case: Case) -> Iterator[Flaw]:
    """The checkpoint can be read as one of the formats that PyTorch writes."""
    checkpoint, error = case.checkpoint, case.contents_error
    if checkpoint is None or error is None or case.dangles:
        return
    if not any(words in error.reason for words in AMBIGUOUS):
        yield Flaw((), error.reason, path=checkpoint.path)


@rule(
    "CM402",
    "unknown-global",
    severity=Severity.WARNING,
    mend="look at the names; ignore the rule with a reason where they are your own",
)
def globals_are_known(case: Case) -> Iterator[Flaw]:
    """Loading the checkpoint calls nothing but what is known to build plain values.

    `torch.load` imports and calls whatever names the file gives, unless it is told
    `weights_only=True`. Classes of your own, as Lightning saves them in hyper-parameters, are
    such names; nobody but you can tell what they do. Nothing is called to find this out.
    """
    yield from _globals(case, GlobalClass.UNKNOWN, "a load would call")


@rule("CM403", "dangerous-global", mend="do not load it; find out where it came from")
def globals_run_nothing(case: Case) -> Iterator[Flaw]:
    """Loading the checkpoint calls nothing that is known to run code.

    Names such as `os.system` or `builtins.eval` have no place in a checkpoint.
    """
    yield from _globals(case, GlobalClass.DANGEROUS, "a load would run")


def _globals(case: Case, kind: GlobalClass, verb: str) -> Iterator[Flaw]:
    error, contents = case.contents_error, case.contents
    # What came before an error, a real load would have called before it met the error.
    names = error.globals if error else contents.globals if contents else ()
    found = [name for name in dict.fromkeys(names) if classify_global(name) is kind]
    if found and case.checkpoint is not None:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        message = f"{verb} {', '.join(found[:_SHOWN])}{more}"
        yield Flaw((), message, path=case.checkpoint.path, value=",".join(found))


@rule("CM404", "truncated-checkpoint", mend="fetch it anew")
def checkpoint_is_whole(case: Case) -> Iterator[Flaw]:
    """The checkpoint is not cut off.

    Epoch and metrics of a file that is cut off can often still be read; its weights cannot.
    """
    contents = case.contents
    if case.checkpoint is not None and contents is not None and contents.incomplete:
        message = f"cut off after {contents.size_bytes} bytes"
        yield Flaw((), message, path=case.checkpoint.path)


@rule("CM405", "ambiguous-archive", mend="do not load it; find out where it came from")
def archive_reads_one_way(case: Case) -> Iterator[Flaw]:
    """Every program that reads the checkpoint's zip finds the same entries in it.

    Where two entries share a name, a scanner may look at one and a load take the other.
    """
    checkpoint, error = case.checkpoint, case.contents_error
    if checkpoint is None or error is None:
        return
    if any(words in error.reason for words in AMBIGUOUS):
        yield Flaw((), f"zip readers differ over it: {error.reason}", path=checkpoint.path)


@rule("CM406", "damaged-bytes", mend="fetch it anew")
def bytes_have_their_crcs(case: Case) -> Iterator[Flaw]:
    """Every entry of the checkpoint's zip has the CRC that was recorded with it.

    Asked with `--deep` only, since every byte is read. An entry without a CRC is passed over:
    torch can be told to write none. Formats other than torch's zip record no CRCs, and the parts
    of a sharded checkpoint are not opened.
    """
    checkpoint, contents = case.checkpoint, case.contents
    if case.count is None or checkpoint is None or contents is None:
        return
    if contents.format == "torch-zip" and not contents.incomplete:
        for message in check_crcs(checkpoint.path, case.count):
            yield Flaw((), message, path=checkpoint.path, value=message)


@rule("CM407", "wrong-sha256", mend="find out which of the two was changed")
def bytes_have_their_hash(case: Case) -> Iterator[Flaw]:
    """The checkpoint has the SHA-256 that its sidecar records.

    Asked with `--deep` only, since every byte is read.
    """
    recorded = case.value(("checkpoint", "sha256"))
    if case.count is None or case.checkpoint is None or not isinstance(recorded, str):
        return
    if case.checkpoint.path.is_file():
        # What CM406 has counted is not counted twice.
        is_counted = case.contents is not None and case.contents.format == "torch-zip"
        found = sha256_of(case.checkpoint.path, _forget if is_counted else case.count)
        if found != recorded:
            yield Flaw(("checkpoint", "sha256"), f"expected {found}, got {show_value(recorded)}")


def _forget(_count: int) -> None:
    pass
