"""Settings of a project: `[tool.checkpoint-meta]`, or `checkpoint-meta.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import SettingError
from checkpoint_meta.metric_names import SPELLINGS
from checkpoint_meta.resolve import PRECEDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWN_FILE: Final = "checkpoint-meta.toml"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A rule that is passed over, and why."""

    rule: str
    """Code or prefix of codes, such as `CM4`."""

    reason: str
    """Why, for whoever reads the settings next."""

    path: str = "*"
    """Pattern of the paths for which it is passed over; that of a folder is for all below it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project has set; the defaults where it has not."""

    file: Path | None = None
    """The file that was read."""

    policy: str | None = None
    """What `validate` requires: a policy's name, or a YAML file."""

    patterns: tuple[str, ...] = ()
    """File names taken for checkpoints beside the usual ones."""

    metrics: Mapping[str, str] = field(default_factory=dict)
    """Field (`hmean`) -> the name that it is logged by."""

    sidecar_dir: Path | None = None
    """Mirror folder where sidecars stand, in place of beside the checkpoints."""

    precedence: tuple[str, ...] = PRECEDENCE
    """Every source of `convert --list-sources` once, the most trusted first; pins are above all"""

    signatures: Path | None = None
    """YAML file of rules that tell the parts of models, beside the built-in ones"""

    ignore: tuple[Ignored, ...] = ()
    """Rules that `validate` passes over, each with its reason."""


def find_settings(start: Path) -> Settings:
    """Return the settings of the nearest folder at or above `start` that has some.

    Raises:
        SettingError: if a file says something that cannot be meant.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        own, shared = folder / OWN_FILE, folder / "pyproject.toml"
        if own.is_file():
            return read_settings(own)
        if shared.is_file() and "checkpoint-meta" in _tool_tables(shared):
            return read_settings(shared)
    return Settings()


def read_settings(file: Path) -> Settings:
    """Return the settings in one file.

    Raises:
        SettingError: if it cannot be read, is not TOML, or has a key that there is not.
    """
    tables = _tool_tables(file) if file.name == "pyproject.toml" else _toml(file)
    table = tables.get("checkpoint-meta", {}) if file.name == "pyproject.toml" else tables
    return _Parser(file).settings(table)


def _tool_tables(file: Path) -> dict[str, object]:
    tool = _toml(file).get("tool")
    return tool if isinstance(tool, dict) else {}


def _toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(file, "file", f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SettingError(file, "file", f"not TOML ({error})") from error


@dataclass(frozen=True, slots=True)
class _Parser:
    """Turns plain tables into settings, and names the file where it cannot."""

    file: Path

    def settings(self, table: object) -> Settings:
        known = {key.name for key in fields(Settings)} - {"file", "ignore"} | {"validate"}
        values = self._table(table, "checkpoint-meta", known)
        validate = self._table(values.get("validate", {}), "validate", {"ignore"})
        folder, rules = values.get("sidecar_dir"), values.get("signatures")
        metrics = self._table(values.get("metrics", {}), "metrics", set(SPELLINGS))
        return Settings(
            file=self.file,
            policy=self._policy(values.get("policy")),
            patterns=tuple(self._texts(values.get("patterns", []), "patterns")),
            metrics={key: self._text(name, f"metrics.{key}") for key, name in metrics.items()},
            sidecar_dir=self._path(self._text(folder, "sidecar_dir")) if folder else None,
            precedence=self._precedence(values.get("precedence")),
            signatures=self._path(self._text(rules, "signatures")) if rules else None,
            ignore=tuple(self._ignored(validate.get("ignore", []))),
        )

    def _path(self, text: str) -> Path:
        return self.file.parent / text

    def _precedence(self, value: object) -> tuple[str, ...]:
        if value is None:
            return PRECEDENCE
        first, *others = PRECEDENCE
        names = self._texts(value, "precedence")
        if sorted(names) != sorted(others):
            expected = f"each of {', '.join(others)} once"
            raise SettingError(self.file, "precedence", f"expected {expected}, got {names!r}")
        return (first, *names)

    def _policy(self, value: object) -> str | None:
        if value is None:
            return None
        text = self._text(value, "policy")
        # A file is meant relative to the settings that name it.
        return str(self._path(text)) if text.endswith((".yaml", ".yml")) else text

    def _ignored(self, entries: object) -> list[Ignored]:
        if not isinstance(entries, list):
            raise SettingError(self.file, "validate.ignore", "expected a list of tables")
        found = []
        for entry in entries:
            one = self._table(entry, "validate.ignore", {"rule", "reason", "path"})
            texts = {key: self._text(value, f"validate.ignore.{key}") for key, value in one.items()}
            if not texts.get("rule") or not texts.get("reason", "").strip():
                raise SettingError(self.file, "validate.ignore", "each needs a rule and a reason")
            found.append(Ignored(**texts))
        return found

    def _table(self, value: object, field: str, known: set[str]) -> dict[str, object]:
        if not isinstance(value, dict):
            raise SettingError(self.file, field, f"expected a table, got {value!r}")
        for key in value:
            if key not in known:
                names = ", ".join(sorted(known))
                raise SettingError(self.file, field, f"no setting {key!r}; there are {names}")
        return value

    def _texts(self, value: object, field: str) -> list[str]:
        if not isinstance(value, list):
            raise SettingError(self.file, field, f"expected a list of texts, got {value!r}")
        return [self._text(item, field) for item in value]

    def _text(self, value: object, field: str) -> str:
        if not isinstance(value, str):
            raise SettingError(self.file, field, f"expected a text, got {value!r}")
        return value
