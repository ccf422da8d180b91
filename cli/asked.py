"""What a person asked for in the language of queries, or a usage error that names the option."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import typer

from checkpoint_meta.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoint_meta.catalog.query import Query

Parsed = TypeVar("Parsed")


def parsed_option(name: str, parse: Callable[[], Parsed]) -> Parsed:
    """Return what `parse` makes of an option's value.

    Raises:
        typer.BadParameter: with the place, if it does not parse.
    """
    try:
        return parse()
    except QueryError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


def asked_query(expressions: Sequence[str] | None) -> Query | None:
    """Return the query that all `--where` make together.

    Raises:
        typer.BadParameter: if one does not parse.
    """
    if not expressions:
        return None
    from checkpoint_meta.catalog.query import join_queries, parse_query

    return parsed_option(
        "--where", lambda: join_queries(parse_query(expression) for expression in expressions)
    )
