"""What every block of a sidecar has in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A mapping in a sidecar: frozen, typed strictly; keys that it does not know are kept."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        strict=True,
        # A NaN passes every comparison of a range, so it is refused before the range is asked.
        allow_inf_nan=False,
        populate_by_name=True,
        protected_namespaces=(),
    )


Natural: TypeAlias = Annotated[int, Field(ge=0)]
Positive: TypeAlias = Annotated[int, Field(ge=1)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
