from __future__ import annotations

import json
import runpy
from pathlib import Path

import jsonschema
import pytest

from checkpoint_meta.store import read_sidecar

ROOT = Path(__file__).parent.parent.parent
EXPORT = runpy.run_path(str(ROOT / "scripts" / "export_schema.py"), run_name="export")
CORPUS = ROOT / "tests" / "corpus" / "sidecars"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_json_schemas_are_those_of_the_models(version: str) -> None:
    """The files in the package are what scripts/export_schema.py writes."""
    file = ROOT / "checkpoint_meta" / "schema" / "json" / f"sidecar-{version}.json"

    assert file.read_text(encoding="utf-8") == EXPORT["render"](version)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.yaml")), ids=lambda path: path.name)
def test_other_checkers_accept_real_sidecars(path: Path) -> None:
    """A JSON Schema checker that knows nothing of us agrees about 1.0 files."""
    schema = json.loads(EXPORT["render"]("1.0"))

    jsonschema.Draft202012Validator(schema).validate(read_sidecar(path))
