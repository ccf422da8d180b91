"""Write the JSON Schemas of sidecars from the models: scripts/export_schema.py."""

from __future__ import annotations

import json
from pathlib import Path

from checkpoint_meta.schema.reasons import MODELS

FOLDER = Path(__file__).parent.parent / "checkpoint_meta" / "schema" / "json"


def render(version: str) -> str:
    """Return the JSON Schema of one version, as the file holds it."""
    schema = MODELS[version].model_json_schema(by_alias=True)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:checkpoint-meta:sidecar:{version}",
        "title": f"checkpoint-meta sidecar {version}",
    }
    return json.dumps(head | {k: v for k, v in schema.items() if k != "title"}, indent=2) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for version in MODELS:
        (FOLDER / f"sidecar-{version}.json").write_text(render(version), encoding="utf-8")
