"""CM5xx: what the project's policy asks for."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from checkpoint_meta.evidence import show_field, show_value
from checkpoint_meta.readers.yaml import is_finite
from checkpoint_meta.rules.families import ENCODER, Fit, nearest_family
from checkpoint_meta.rules.rule import Flaw, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.catalog.query import Query
    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.case import Case


def _fit(case: Case) -> Fit | None:
    from checkpoint_meta.sources.signatures import load_signatures

    families = case.policy.families or ()
    return nearest_family(families, case.value, load_signatures().aliases)


@rule("CM501", "unknown-model-family", mend="add the family to the policy's model_families")
def encoder_is_of_a_family(case: Case) -> Iterator[Flaw]:
    """One of the policy's model families names the encoder.

    A policy without `model_families` asks for none.
    """
    if case.policy.families is None or not case.document or _fit(case) is not None:
        return
    encoder = case.value(ENCODER)
    if encoder is None:
        yield Flaw(ENCODER, "missing, so that no model family fits")
    else:
        yield Flaw(ENCODER, f"no model family names the encoder {show_value(encoder)}")


@rule("CM502", "not-as-its-family", mend="train a model as the family is, or add a family")
def model_is_as_its_family(case: Case) -> Iterator[Flaw]:
    """The model's parts are those of the nearest model family of the policy.

    Decoder, head and their channels are compared where both sides know them.
    """
    if case.policy.families is None or not case.document:
        return
    fit = _fit(case)
    if fit is None:
        return
    for one in fit.differences:
        expected, got = show_value(one.expected), show_value(one.got)
        message = f"expected {expected} as in {fit.family.id}, got {got}"
        yield Flaw(one.field, message)


@rule("CM503", "required-by-policy", mend="train with MetadataCallback, or run ckpt-meta convert")
def required_fields_are_there(case: Case) -> Iterator[Flaw]:
    """Each field that the policy requires has a value.

    NaN and infinity are none.
    """
    for field in case.policy.require if case.document else ():
        value = case.value(field)
        if value is None or (isinstance(value, float) and not is_finite(value)):
            state = "missing" if value is None else f"{value} is no value"
            yield Flaw(field, f"{state}; the policy requires {show_field(field)}")


@rule("CM504", "condition-not-met", mend="train better, or ask for less")
def conditions_are_met(case: Case) -> Iterator[Flaw]:
    """Each condition of the policy's `where`, and of `--require`, is met.

    A value that is missing or NaN meets no condition.
    """
    from checkpoint_meta.schema.fields import flatten

    if not case.document or not case.policy.where:
        return
    row = {path: case.value(path) for path in flatten(case.document)}
    for expression in case.policy.where:
        query = _query(expression)
        if not query.matches(row):
            fields = query.fields()
            values = [f"{one.name} is {_shown(one.value(row))}" for one in fields]
            message = f"{expression} ({', '.join(values)})"
            place = fields[0].paths[0] if fields else ()
            # With the values: one that is worse than what a baseline knows is new.
            yield Flaw(place, f"not met: {message}", value=message)


@lru_cache(maxsize=64)
def _query(expression: str) -> Query:
    from checkpoint_meta.catalog.query import parse_query

    return parse_query(expression)


def _shown(value: JSONValue) -> str:
    if value is None:
        return "missing"
    return show_value(value, json.dumps if isinstance(value, str) else str)
