"""Whatever goes wrong in us: said once, and training goes on."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

logger: Final = logging.getLogger("checkpoint_meta.training")

_said: Final[set[tuple[str, str]]] = set()


@contextmanager
def training_goes_on(action: str, *, strict: bool = False) -> Iterator[None]:
    """Log whatever goes wrong in the block; a sidecar is not worth a training run.

    One line for each kind of fault of an action; its traceback comes at level DEBUG. With
    `strict` the fault is raised.
    """
    try:
        yield
    except Exception as error:
        if strict:
            raise
        _say(action, error)


def _say(action: str, error: Exception) -> None:
    kind = type(error).__name__
    if (action, kind) not in _said:
        _said.add((action, kind))
        reason = printable(str(error))
        logger.warning("%s failed; training goes on without it (%s: %s)", action, kind, reason)
    logger.debug("%s failed", action, exc_info=error)
