"""CM1xx: the sidecar as a document of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Severity
from checkpoint_meta.masking import MEASURED, is_secret, is_secret_name
from checkpoint_meta.rules.places import place_of_error
from checkpoint_meta.rules.rule import Flaw, rule
from checkpoint_meta.schema.versions import SCHEMA_VERSION
from checkpoint_meta.sources.hydra import mask_override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.rules.case import Case


def _schema_flaws(case: Case, code: str) -> Iterator[Flaw]:
    for problem in case.schema_problems:
        if problem.code == code:
            yield Flaw(problem.field, problem.message)


@rule("CM101", "unreadable-sidecar", mend="correct the file at the place that is named")
def sidecar_is_yaml(case: Case) -> Iterator[Flaw]:
    """A sidecar is one YAML 1.2 document in UTF-8, of 1 MiB at most.

    A key that stands twice is an error too, since readers differ in which of the two they take.
    """
    error = case.read_error
    if error is not None:
        place = place_of_error(error, case.text)
        yield Flaw((), error.reason, path=error.path, place=place)


@rule("CM102", "not-a-sidecar", mend="move the file away, or write its schema_version")
def sidecar_is_ours(case: Case) -> Iterator[Flaw]:
    """A file called `x.metadata.yaml` is a mapping that names its `schema_version`."""
    yield from _schema_flaws(case, "CM102")


@rule(
    "CM103",
    "unknown-version",
    mend="write '2.0' or '1.0' in quotes, or update checkpoint-meta",
    fix="safe",
)
def version_is_known(case: Case) -> Iterator[Flaw]:
    """The schema version is one that this program knows, written as a text.

    `schema_version: 2.0` without quotes is a number, and other readers refuse it.
    """
    yield from _schema_flaws(case, "CM103")


@rule("CM104", "missing-field", mend="run ckpt-meta convert --overwrite, or write the field")
def schema_fields_are_there(case: Case) -> Iterator[Flaw]:
    """Each field that the document's own schema version demands is there.

    What a policy demands beyond that is CM503.
    """
    yield from _schema_flaws(case, "CM104")


@rule("CM105", "wrong-type", mend="write the value in the type that the schema names")
def types_are_right(case: Case) -> Iterator[Flaw]:
    """Each known field has the type that the schema gives it; nothing is converted by guess."""
    yield from _schema_flaws(case, "CM105")


@rule("CM106", "not-finite", mend="remove the value; a metric that is not a number is no metric")
def numbers_are_finite(case: Case) -> Iterator[Flaw]:
    """Each number is finite.

    NaN compares as neither too small nor too large, so it would pass any range.
    """
    yield from _schema_flaws(case, "CM106")


@rule("CM107", "out-of-range", mend="correct the value; per cents belong to additional_metrics")
def values_are_in_range(case: Case) -> Iterator[Flaw]:
    """Each value lies in the range, or among the words, that the schema allows."""
    yield from _schema_flaws(case, "CM107")


@rule("CM108", "unclear-time", mend="add the zone: Z for UTC")
def times_have_a_zone(case: Case) -> Iterator[Flaw]:
    """A 2.0 sidecar's `created_at` is ISO 8601 with its zone.

    1.0 sidecars were written without one. Theirs stay as they are, also after the upgrade.
    """
    if "upgraded_from" not in case.document:
        yield from _schema_flaws(case, "CM108")


@rule(
    "CM109",
    "secret-in-clear",
    mend="write '***', and change the secret wherever it is valid",
    fix="safe",
)
def secrets_are_masked(case: Case) -> Iterator[Flaw]:
    """No value stands in clear under a key that names a secret, such as `api_key` or `password`.

    Empty values, `***`, true and false, and interpolations such as `${oc.env:KEY}` hold no secret.
    Nor does a tokenizer's `pad_token` and its kin, or a number under a key that ends in `token`:
    what counts tokens, or is one of a vocabulary, is a fact.
    """
    for field, value in _leaves(case.document, ()):
        if field[0] in MEASURED:
            continue
        if _is_secret_at(field, value):
            yield Flaw(field, "a secret in clear")
        elif field[0] == "hydra_overrides" and isinstance(value, str):
            masked = mask_override(value)
            if masked != value and not value.partition("=")[2].startswith("${"):
                yield Flaw(field, f"a secret in clear; expected {masked}")


@rule(
    "CM110",
    "old-schema",
    severity=Severity.WARNING,
    mend="run ckpt-meta validate --fix, or ignore this rule while other readers need 1.0",
    fix="safe",
)
def schema_is_current(case: Case) -> Iterator[Flaw]:
    """The sidecar is of the current schema version.

    1.0 is read for ever, but has no place for provenance, nor for what ties the sidecar to its
    checkpoint. The upgrade keeps everything that a 1.0 document says.
    """
    if case.version == "1.0":
        yield Flaw(("schema_version",), f"1.0 is not the current version, {SCHEMA_VERSION}")


def _is_secret_at(field: FieldPath, value: JSONValue) -> bool:
    if isinstance(value, str) and value.startswith("${"):
        return False
    # What stands below such a key is a part of the secret, whatever it is called itself.
    above = next((key for key in field[:-1] if is_secret_name(key)), field[-1])
    return is_secret(above, value)


def _leaves(value: JSONValue, path: FieldPath) -> Iterator[tuple[FieldPath, JSONValue]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, (*path, str(place)))
    elif path:
        yield path, value
