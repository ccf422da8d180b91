"""What programs of others build on: a change here is a change for them, and stands in CHANGELOG."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import checkpoint_meta
from checkpoint_meta import CheckpointCatalogEntry, build_catalog
from tests.typing import public_names

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parent.parent
TYPED: Final = ROOT / "tests" / "typing" / "public_names.py"

NAMES: Final = [
    "CheckpointCatalog",
    "CheckpointCatalogEntry",
    "MetadataCallback",
    "build_catalog",
    "clear_global_cache",
]

PARAMETERS: Final = {
    "build_catalog": ["outputs_dir", "use_cache", "use_wandb_fallback", "config_filenames"],
    "clear_global_cache": [],
    "MetadataCallback": [
        "exp_name",
        "outputs_dir",
        "training_phase",
        "schema_version",
        "sidecar_dir",
        "metrics",
        "extra",
        "strict",
    ],
}
"""In their order: older callers give some of them by place."""


def test_the_public_names_are_these() -> None:
    """A name that goes breaks programs; one that comes must be meant."""
    assert checkpoint_meta.__all__ == NAMES


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_keep_their_names_and_order(name: str) -> None:
    """Callers give parameters by name and by place."""
    function: Callable[..., object] = getattr(checkpoint_meta, name)

    assert list(inspect.signature(function).parameters) == PARAMETERS[name]


def test_the_defaults_ask_no_network_and_trust_the_cache() -> None:
    """Who calls `build_catalog(folder)` gets the fast answer, from this machine."""
    parameters = inspect.signature(build_catalog).parameters

    assert parameters["use_cache"].default is True
    assert parameters["use_wandb_fallback"].default is False


def test_entries_are_values(outputs: Path) -> None:
    """An entry cannot be changed, is equal to its equal, and can be a key of a cache."""
    (first, *_), (again, *_) = build_catalog(outputs).entries, build_catalog(outputs).entries

    assert first == again
    assert hash(first) == hash(again)
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.epochs = 9  # type: ignore[misc]


def test_every_field_and_name_has_its_type_in_the_typing_test() -> None:
    """What mypy holds to its type is all that is public."""
    text = TYPED.read_text(encoding="utf-8")
    fields = [field.name for field in dataclasses.fields(CheckpointCatalogEntry)]

    assert [name for name in NAMES if f"{name}" not in text] == []
    assert [name for name in fields if f"assert_type(entry.{name}," not in text] == []


def test_what_is_typed_runs(outputs: Path) -> None:
    """The uses that mypy checks work as they are typed."""
    built = public_names.catalog(outputs)

    public_names.counts(built)
    for entry in built.entries:
        public_names.fields(entry)
    assert built.total_count == len(built.entries) == 3


def test_a_changed_type_is_seen(tmp_path: Path) -> None:
    """The typing test is one: with other types in it, mypy fails at those lines."""
    text = TYPED.read_text(encoding="utf-8")
    changed = tmp_path / "changed.py"
    rights = ["assert_type(entry.epochs, int | None)", "assert_type(built.total_count, int)"]
    lines = [text[: text.index(right)].count("\n") + 1 for right in rights]
    for right in rights:
        text = text.replace(right, right.replace("int", "bytes"))
    changed.write_text(text, encoding="utf-8")

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", str(changed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 1
    for line in lines:
        assert f"changed.py:{line}: error: Expression is of type" in checked.stdout
    assert "Found 2 errors" in checked.stdout
