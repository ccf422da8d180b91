"""When the file was written, by its own time; for want of anything better."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.sources.interface import location_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.paths import CheckpointFile


class FileTimeSource:
    """The checkpoint file's time of last change."""

    name: ClassVar[str] = "file"

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:
        """Yield `created_at`."""
        origin = Origin(self.name, location_of(checkpoint.path, checkpoint))
        seconds = checkpoint.path.stat().st_mtime
        yield Fragment(origin, {("created_at",): iso_utc(seconds)}, is_default=True)


def iso_utc(seconds: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601 in UTC, to the second."""
    moment = datetime.fromtimestamp(int(seconds), tz=UTC)
    return moment.isoformat().replace("+00:00", "Z")
