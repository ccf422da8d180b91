"""Policies and model families as files: read, checked with line and column, joined."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Problem, Severity
from checkpoint_meta.readers.yaml import YamlError, parse_yaml, read_text
from checkpoint_meta.rules.families import Family
from checkpoint_meta.rules.places import locate, place_of_error
from checkpoint_meta.rules.policy import Policy, PolicyError
from checkpoint_meta.rules.policy_checks import check_conditions, check_fields, check_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from checkpoint_meta.evidence import FieldPath, JSONValue

POLICY_BYTES: Final = 1024 * 1024

DEFAULT_POLICY: Final = "lightning"

_EXPECTED: Final = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "too_short": "one at least",
}
"""pydantic's kind of error -> what would be right."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _PolicyFile(_Entry):
    extends: str | None = None
    require: list[str] = Field(default_factory=list)
    where: list[str] = Field(default_factory=list)
    model_families: str | None = None
    rules: dict[str, str | bool] = Field(default_factory=dict)


class _Decoder(_Entry):
    name: str | None = None
    in_channels: list[int] | None = None
    inner_channels: int | None = None
    output_channels: int | None = None


class _Head(_Entry):
    name: str | None = None
    in_channels: int | None = None


class _FamilyEntry(_Entry):
    id: str
    encoders: list[str] = Field(min_length=1)
    decoder: _Decoder = _Decoder()
    head: _Head = _Head()


class _FamiliesFile(_Entry):
    families: list[_FamilyEntry]


Model = TypeVar("Model", bound=_Entry)


def policy_names() -> list[str]:
    """Return the names of the policies that come with the package."""
    entries = (files("checkpoint_meta.configs") / "policies").iterdir()
    return sorted(Path(entry.name).stem for entry in entries if entry.name.endswith(".yaml"))


def read_policy(name: str = DEFAULT_POLICY) -> Policy:
    """Return a policy that comes with the package, by its name, or that of a file.

    Raises:
        ReadError: if a file cannot be read, or is not YAML.
        PolicyError: if a policy says something that cannot be meant.
    """
    path = _place_of(name, Path())
    if path is None:
        raise PolicyError(Path(name), [Problem("", (), _no_policy(name))])
    return _read(path, ())


def read_families(path: Path) -> tuple[Family, ...]:
    """Return the model families of a file.

    Raises:
        ReadError: if it cannot be read, or is not YAML.
        PolicyError: if it says something that cannot be meant.
    """
    entries = _parsed(path, read_text(path, POLICY_BYTES), _FamiliesFile).families
    return tuple(Family(one.id, tuple(one.encoders), _family_values(one)) for one in entries)


def _place_of(name: str, folder: Path) -> Path | None:
    """Return the file of a policy: one of ours by its name, else a path below `folder`."""
    if name in policy_names():
        return Path(str(files("checkpoint_meta.configs") / "policies" / f"{name}.yaml"))
    is_file = name.endswith((".yaml", ".yml")) or (folder / name).is_file()
    return folder / name if is_file else None


def _no_policy(name: str) -> str:
    return f"no policy {name!r}; there are {' and '.join(policy_names())}, or a YAML file"


def _read(path: Path, lineage: tuple[Path, ...]) -> Policy:
    text = read_text(path, POLICY_BYTES)
    given = _parsed(path, text, _PolicyFile)
    problems = (
        check_rules(given.rules),
        check_fields(given.require),
        check_conditions(given.where),
    )
    _refuse(path, text, [one for found in problems for one in found])
    severities = _severities(path, text, given.rules)
    base = _base(path, text, given.extends, (*lineage, path.resolve()))
    families = base.families
    if given.model_families is not None:
        families = _families(path, text, given.model_families)
    own = (tuple(name.split(".")) for name in given.require)
    return Policy(
        require=tuple(dict.fromkeys((*base.require, *own))),
        where=(*base.where, *given.where),
        families=families,
        severities={**base.severities, **severities},
    )


def _families(path: Path, text: str, name: str) -> tuple[Family, ...]:
    try:
        return read_families(path.parent / name)
    except ReadError as error:
        problem = Problem("", ("model_families",), str(error))
        raise _placed(path, text, [problem]) from error


def _base(path: Path, text: str, extends: str | None, lineage: tuple[Path, ...]) -> Policy:
    if extends is None:
        return Policy()
    found = _place_of(extends, path.parent)
    if found is None:
        raise _placed(path, text, [Problem("", ("extends",), _no_policy(extends))])
    if found.resolve() in lineage:
        problem = Problem("", ("extends",), "these policies extend each other")
        raise _placed(path, text, [problem])
    try:
        return _read(found, lineage)
    except ReadError as error:
        raise _placed(path, text, [Problem("", ("extends",), str(error))]) from error


def _severities(path: Path, text: str, given: dict[str, str | bool]) -> dict[str, Severity]:
    # A YAML 1.1 reader takes `off` for false; what was written by one is meant the same.
    named = {code: "off" if word is False else word for code, word in given.items()}
    words = [severity.value for severity in Severity]
    wrong = [
        Problem("", ("rules", code), f"expected {', '.join(words)}, got {word!r}")
        for code, word in named.items()
        if word not in words
    ]
    _refuse(path, text, wrong)
    return {code: Severity(str(word)) for code, word in named.items()}


def _refuse(path: Path, text: str, problems: Iterable[Problem]) -> None:
    """Raise the problems, if there are any."""
    found = list(problems)
    if found:
        raise _placed(path, text, found)


def _placed(path: Path, text: str, problems: list[Problem]) -> PolicyError:
    """Return the error that tells each problem with its place."""
    places = locate(text, [problem.field for problem in problems])
    return PolicyError(path, [replace(one, place=places.get(one.field)) for one in problems])


def _parsed(path: Path, text: str, model: type[Model]) -> Model:
    try:
        document = parse_yaml(text, path)
    except YamlError as error:
        raise YamlError(path, error.reason, place_of_error(error, text)) from error
    try:
        return model.model_validate({} if document is None else document)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise _placed(path, text, [_problem(detail, model) for detail in details])


def _problem(detail: ErrorDetails, model: type[_Entry]) -> Problem:
    field = tuple(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return Problem("", field, "missing")
    if detail["type"] != "extra_forbidden":
        expected = _EXPECTED.get(detail["type"]) or detail["msg"].removeprefix("Input should be ")
        return Problem("", field, f"expected {expected}")
    there = f"; there are {', '.join(model.model_fields)}" if len(field) == 1 else ""
    return Problem("", field, f"no such key{there}")


def _family_values(entry: _FamilyEntry) -> dict[FieldPath, JSONValue]:
    parts: dict[str, _Entry] = {"decoder": entry.decoder, "head": entry.head}
    return {
        ("model", part, key): value
        for part, block in parts.items()
        for key, value in block.model_dump(exclude_none=True).items()
    }
