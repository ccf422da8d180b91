from __future__ import annotations

import json
from typing import TYPE_CHECKING

from checkpoint_meta.cli.output import Output

if TYPE_CHECKING:
    import pytest

    from checkpoint_meta.evidence import JSONValue


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    """What JSON has no number for is text, so that every reader can read the rest."""
    value: JSONValue = {"a": float("nan"), "b": [float("inf"), 0.5], "c": {"d": float("-inf")}}
    expected = {"a": "nan", "b": ["inf", 0.5], "c": {"d": "-inf"}}

    Output().json(value)
    assert json.loads(capsys.readouterr().out) == expected

    Output().json_line(value)
    assert json.loads(capsys.readouterr().out) == expected
