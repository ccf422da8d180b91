"""What in a policy cannot be meant: rules, fields and conditions that there are not."""

from __future__ import annotations

import difflib
from functools import cache
from typing import TYPE_CHECKING, get_args

from checkpoint_meta.catalog.query import parse_query
from checkpoint_meta.errors import QueryError
from checkpoint_meta.evidence import Problem
from checkpoint_meta.rules.rulebook import all_rules, is_rule_prefix
from checkpoint_meta.schema.base import Block
from checkpoint_meta.schema.v2 import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def check_rules(codes: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each code or prefix that names no rule."""
    for code in codes:
        if not is_rule_prefix(code):
            yield Problem("", ("rules", code), f"no rule {code!r}{_guess(code, all_rules())}")


def check_fields(names: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each required field that is a typing error.

    A project may have fields of its own, so an unknown name is an error only inside a block of
    ours, or where it is nearly a name of ours.
    """
    for place, name in enumerate(names):
        if not all(name.split(".")):
            yield Problem(
                "", ("require", str(place)), f"expected the name of a field, got {name!r}"
            )
            continue
        known, is_open = known_fields()
        inside = any(name.startswith(f"{block}.") for block in is_open)
        nearly = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        in_block = name.split(".")[0] in {field.split(".")[0] for field in known}
        if name not in known and not inside and (nearly or in_block):
            message = f"no field {name!r}{_guess(name, known)}"
            yield Problem("", ("require", str(place)), message)


def check_conditions(expressions: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each condition that cannot be meant.

    One that does not parse has a caret under the place.
    """
    for place, expression in enumerate(expressions):
        field = ("where", str(place))
        try:
            asked = parse_query(expression).fields()
        except QueryError as error:
            yield Problem("", field, str(error))
            continue
        yield from (
            Problem("", field, reason) for one in asked if (reason := misspelling(one.name))
        )


def misspelling(name: str) -> str | None:
    """Return the sentence that tells a name in a condition to be a typing error.

    Short names are not looked at: any may be a metric, or a hyper-parameter, of the project's.
    """
    known, is_open = known_fields()
    block, dot, rest = name.partition(".")
    if not dot or name in known or not any(field.startswith(f"{block}.") for field in known):
        return None
    if any(name.startswith(f"{one}.") for one in is_open):
        return None
    if block == "metrics":
        # Any logged metric may be asked for like this; only what nearly is ours is a mistake.
        own = [field.partition(".")[2] for field in known if field.startswith("metrics.")]
        close = difflib.get_close_matches(rest, own, n=1, cutoff=0.8)
        return f"no field {name!r}; did you mean 'metrics.{close[0]}'?" if close else None
    return f"no field {name!r}{_guess(name, known)}"


def _guess(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


@cache
def known_fields() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all fields, and of those that hold keys of the user's."""
    named = dict(_fields(CheckpointMetadata, ""))
    return tuple(named), tuple(name for name, is_open in named.items() if is_open)


def _fields(model: type[Block], prefix: str) -> Iterator[tuple[str, bool]]:
    for key, field in model.model_fields.items():
        name = f"{prefix}{field.alias or key}"
        arms = (field.annotation, *get_args(field.annotation))
        yield name, any("dict[" in str(arm) for arm in arms)
        for arm in arms:
            if isinstance(arm, type) and issubclass(arm, Block):
                yield from _fields(arm, f"{name}.")
