"""One checkpoint and its sidecar, as the rules see them; each file is read once, when asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Problem
from checkpoint_meta.faults import guarded
from checkpoint_meta.readers.yaml import SIDECAR_BYTES, is_finite, parse_yaml, read_text
from checkpoint_meta.rules.policy import Policy
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.schema.versions import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, Fragment, JSONValue
    from checkpoint_meta.paths import CheckpointFile
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.rules.subjects import Subject
    from checkpoint_meta.sources.interface import Source


@dataclass(frozen=True, slots=True)
class Claim:
    """What something other than the sidecar says of a field."""

    field: FieldPath
    value: JSONValue
    decimals: int | None = None


@dataclass(frozen=True)
class Case:
    """What is judged, and by what."""

    subject: Subject
    policy: Policy = field(default_factory=Policy)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Field -> logged name, as the project has set."""

    count: Callable[[int], None] | None = None
    """Called with the number of bytes that were checked; `None`: they are not to be."""

    @property
    def checkpoint(self) -> CheckpointFile | None:
        """Return the checkpoint, `None` for a sidecar without one."""
        return self.subject.checkpoint

    @property
    def sidecar(self) -> Path:
        """Return where the sidecar stands, or should."""
        return self.subject.sidecar

    @property
    def dangles(self) -> bool:
        """Tell whether the checkpoint is a link to nothing."""
        checkpoint = self.checkpoint
        return checkpoint is not None and checkpoint.is_link and not checkpoint.path.exists()

    @cached_property
    def _read(self) -> tuple[str, JSONValue, ReadError | None]:
        path = self.subject.readable
        if path is None:
            return "", None, None
        text = ""
        if path.exists() and not path.is_file():
            # A FIFO would wait for a writer, maybe for ever.
            return text, None, ReadError(path, "not a file")
        try:
            text = read_text(path, SIDECAR_BYTES)
            return text, parse_yaml(text, path), None
        except ReadError as error:
            return text, None, error

    @property
    def text(self) -> str:
        """Return the sidecar's text, empty where there is none."""
        return self._read[0]

    @property
    def read_error(self) -> ReadError | None:
        """Return why the sidecar, which is there, could not be read."""
        return self._read[2]

    @property
    def raw(self) -> JSONValue:
        """Return what the sidecar holds, of whatever kind."""
        return self._read[1]

    @property
    def has_document(self) -> bool:
        """Tell whether there is a sidecar that could be read."""
        return self.subject.readable is not None and self.read_error is None

    @property
    def document(self) -> dict[str, JSONValue]:
        """Return the sidecar's fields; none where there is no sidecar, or a broken one."""
        return self.raw if isinstance(self.raw, dict) else {}

    @property
    def version(self) -> JSONValue:
        """Return the schema version that the sidecar says it has."""
        return self.document.get("schema_version")

    @cached_property
    def schema_problems(self) -> tuple[Problem, ...]:
        """Return what `check_document` finds in the sidecar."""
        from checkpoint_meta.schema.document import check_document

        if not self.has_document:
            return ()
        found, fault = guarded(lambda: tuple(check_document(self.raw)))
        # One finding, and not one for each rule that asks.
        return (Problem("CM102", (), f"cannot be checked ({fault})"),) if found is None else found

    def value(self, path: FieldPath) -> JSONValue:
        """Return what the sidecar says of a field; 1.0's word `unknown` says nothing."""
        found = look_up(self.document, path)
        return None if found == UNKNOWN and self.version == "1.0" else found

    def number(self, path: FieldPath) -> float | None:
        """Return a field's value if it is a finite number."""
        found = self.value(path)
        return float(found) if isinstance(found, (int, float)) and is_finite(found) else None

    def is_pinned(self, path: FieldPath) -> bool:
        """Tell whether a person has set this field for good, so that nothing contradicts it."""
        pinned = self.document.get("pinned")
        return isinstance(pinned, list) and ".".join(path) in pinned

    @cached_property
    def _contents(self) -> CheckpointContents | ReadError | None:
        if self.checkpoint is None:
            return None
        checkpoint = self.checkpoint
        found, fault = guarded(lambda: _contents_or_error(checkpoint))
        return found or ReadError(checkpoint.path, str(fault))

    @property
    def contents(self) -> CheckpointContents | None:
        """Return what the checkpoint says of itself, `None` where it cannot be read."""
        return None if isinstance(self._contents, ReadError) else self._contents

    @property
    def contents_error(self) -> ReadError | None:
        """Return why the checkpoint, which is there, could not be read."""
        return self._contents if isinstance(self._contents, ReadError) else None

    @cached_property
    def identity(self) -> dict[str, JSONValue]:
        """Return the checkpoint's size and fingerprint, with no more than its directory read.

        What cannot be read is not among them.
        """
        checkpoint = self.checkpoint
        if checkpoint is None or self.dangles:
            return {}
        if checkpoint.is_sharded:
            return _identity(self.contents) if self.contents else {}
        from checkpoint_meta.readers.fingerprint import read_fingerprint

        found: dict[str, JSONValue] = {}
        # Of a file that is cut off, the size tells what the fingerprint cannot any more.
        with suppress(ReadError, OSError):
            found["size_bytes"] = checkpoint.path.stat().st_size
            found["fingerprint"] = read_fingerprint(checkpoint.path)
        return found

    @cached_property
    def own_claims(self) -> tuple[Claim, ...]:
        """Return what the checkpoint claims of the fields of its sidecar."""
        if self.checkpoint is None or self.contents is None:
            return ()
        from checkpoint_meta.sources.contents import ContentsSource

        return _claims(ContentsSource(self.aliases).collect(self.checkpoint))

    @property
    def name_claims(self) -> tuple[Claim, ...]:
        """Return what the checkpoint's own name claims; its folder's name is not asked."""
        if self.checkpoint is None:
            return ()
        from checkpoint_meta.sources.filename import FilenameSource

        claims = _claims(FilenameSource().collect(self.checkpoint))
        return tuple(claim for claim in claims if claim.field != ("exp_name",))

    @property
    def log_claims(self) -> tuple[Claim, ...]:
        """Return what the run's logs claim at the checkpoint's own step, if they can be read."""
        if self.checkpoint is None:
            return ()
        checkpoint = self.checkpoint
        return _claims(
            one
            for source in _log_sources(tuple(sorted(self.aliases.items())))
            for one in guarded(partial(_collected, source, checkpoint))[0] or ()
        )


def _claims(fragments: Iterable[Fragment]) -> tuple[Claim, ...]:
    return tuple(
        Claim(path, value, one.decimals.get(path))
        for one in fragments
        for path, value in one.values.items()
    )


def _identity(contents: CheckpointContents) -> dict[str, JSONValue]:
    return {"size_bytes": contents.size_bytes, "fingerprint": contents.fingerprint}


def _contents_or_error(checkpoint: CheckpointFile) -> CheckpointContents | ReadError:
    from checkpoint_meta.sources.reading import read_contents

    try:
        return read_contents(checkpoint)
    except ReadError as error:
        return error


def _collected(source: Source, checkpoint: CheckpointFile) -> tuple[Fragment, ...]:
    return tuple(source.collect(checkpoint))


def forget_logs() -> None:
    """Read logs anew: those that were read before may have grown."""
    _log_sources.cache_clear()


@lru_cache(maxsize=2)
def _log_sources(aliases: tuple[tuple[str, str], ...]) -> list[Source]:
    """Return the sources that read logs, kept since they remember what they have read."""
    from checkpoint_meta.sources.default import default_sources

    return [source for source in default_sources(dict(aliases)) if source.name == "logs"]
