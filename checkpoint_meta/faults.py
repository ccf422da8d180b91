"""One bad file is one bad result: the place where any exception of one file is caught."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from checkpoint_meta.errors import CheckpointMetaError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def guarded(work: Callable[[], Result]) -> tuple[Result | None, str | None]:
    """Return the result of the work on one file, or one sentence on why there is none."""
    try:
        return work(), None
    except CheckpointMetaError as error:
        return None, printable(str(error))
    except OSError as error:
        if error.filename is None or not error.strerror:
            return None, printable(f"{type(error).__name__}: {error}")
        return None, printable(f"{os.fsdecode(error.filename)}: {error.strerror}")
    except Exception as error:
        # One checkpoint's unexpected fault is not worth the other ten thousand.
        import logging

        logging.getLogger(__name__).debug("unexpected fault", exc_info=True)
        return None, printable(f"unexpected {type(error).__name__}: {error}")
