"""Which Callback to be: that of the package which the user trains with."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import MissingExtraError

PACKAGES: Final = ("lightning.pytorch", "pytorch_lightning")
"""One Lightning under two names; their classes have nothing to do with each other."""


def callback_classes() -> tuple[type, ...]:
    """Return the Callback of each package that is imported, else of one that is installed.

    Importing the other one too would double the start of a training run for nothing.

    Raises:
        MissingExtraError: if neither is installed.
    """
    imported = [name for name in PACKAGES if name in sys.modules]
    installed = [name for name in PACKAGES if find_spec(name.partition(".")[0]) is not None]
    if not installed:
        raise MissingExtraError("lightning", "train")
    names = imported or installed[:1]
    return tuple(import_module(f"{name}.callbacks").Callback for name in names)


if TYPE_CHECKING:
    from lightning.pytorch import Callback

    class LightningCallback(Callback):
        """For type checkers, which know one of them."""

else:
    LightningCallback = type("LightningCallback", callback_classes(), {"__doc__": __doc__})
