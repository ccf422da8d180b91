"""Whatever goes wrong in us: said once, and training goes on."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

logger: Final = logging.getLogger("checkpoint_meta.training")


@dataclass(slots=True)
class Faults:
    """The faults of one callback, each said in one line, once."""

    strict: bool = False
    """Raise them instead, for tests."""

    said: set[tuple[str, str]] = field(default_factory=set)

    @contextmanager
    def training_goes_on(self, action: str) -> Iterator[None]:
        """Log whatever goes wrong in the block; a sidecar is not worth a training run.

        One line for each kind of fault of an action; its traceback comes at level DEBUG.
        """
        try:
            yield
        except Exception as error:
            if self.strict:
                raise
            self._say(action, error)

    def _say(self, action: str, error: Exception) -> None:
        kind = type(error).__name__
        if (action, kind) not in self.said:
            self.said.add((action, kind))
            reason = printable(str(error))
            logger.warning("%s failed; training goes on without it (%s: %s)", action, kind, reason)
        logger.debug("%s failed", action, exc_info=error)
