"""The step rule on what Lightning from 1.5 on has really written; truth lies beside it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from checkpoint_meta.convert import ConvertOptions, Outcome, convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.resolve import agrees

CORPUS: Final = Path(__file__).parent.parent / "corpus" / "lightning"

VERSIONS: Final = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())

UNPROVED: Final = {
    # No count of batches is in the checkpoint, so that only a score shows which row is its own.
    "1.6.3": {
        "accumulate/checkpoints/last.ckpt",
        "every/checkpoints/epoch=1-step=12.ckpt",
        "every/checkpoints/last.ckpt",
        "half/checkpoints/last.ckpt",
        "plain/checkpoints/last.ckpt",
        "weights/checkpoints/epoch=0-step=6.ckpt",
        "weights/checkpoints/epoch=1-step=12.ckpt",
        # Its global step counts both optimizers, the log's step does not.
        "optimizers/checkpoints/epoch=0-step=12.ckpt",
        "optimizers/checkpoints/epoch=1-step=24.ckpt",
    },
}
"""Version -> files whose validation is in the log, and cannot be shown to be theirs."""

every_version = pytest.mark.parametrize("version", VERSIONS)


@cache
def _outcomes(version: str) -> dict[str, Outcome]:
    root = CORPUS / version
    found = convert(iter_checkpoints(root), options=ConvertOptions(dry_run=True))
    return {one.checkpoint.path.relative_to(root).as_posix(): one for one in found}


@cache
def _truth(version: str) -> dict[str, dict[str, float]]:
    text = (CORPUS / version / "truth.json").read_text(encoding="utf-8")
    return {file: one["validated"] for file, one in json.loads(text).items()}


def _validated(outcome: Outcome) -> dict[str, float]:
    """Return what convert says was validated, under the logged names."""
    assert outcome.resolution is not None, outcome.reason
    return {
        field[-1]: float(value)
        for field, value in outcome.resolution.values.items()
        if field[:2] == ("metrics", "additional_metrics")
        and field[-1].startswith("val")
        and isinstance(value, float)
    }


def test_the_corpus_spans_the_cases_of_the_rule() -> None:
    """Up to 1.5, 1.6.0 to 1.6.4, and from 1.6.5 on, 2.x included."""
    numbers = {tuple(map(int, version.split("."))) for version in VERSIONS}

    assert {number[:2] for number in numbers} >= {(1, 5), (1, 6), (1, 7), (1, 8), (1, 9), (2, 0)}
    assert any((1, 6, 0) <= number <= (1, 6, 4) for number in numbers)
    assert (1, 6, 5) in numbers


@every_version
def test_no_metric_of_any_checkpoint_is_wrong(version: str) -> None:
    """Each number was measured with the very weights that lie in the file."""
    outcomes, truth = _outcomes(version), _truth(version)

    assert outcomes.keys() == truth.keys()
    for file, outcome in outcomes.items():
        for name, value in _validated(outcome).items():
            assert agrees(truth[file][name], value), (file, name)


@every_version
def test_what_was_validated_is_found(version: str) -> None:
    """All of it, but where nothing shows whose row it is; and nothing where nothing was."""
    unproved = UNPROVED.get(version, set())

    for file, outcome in _outcomes(version).items():
        expected = set() if file in unproved else set(_truth(version)[file])
        # Its score is the checkpoint's own claim, whatever the log says.
        found = set(_validated(outcome)) - ({"val/hmean"} if file in unproved else set())
        assert found == expected, (file, outcome.notes)


@every_version
def test_two_optimizers_and_accumulation_are_in_the_corpus(version: str) -> None:
    """Each version has the runs that shift or double the global step."""
    runs = {file.split("/")[0] for file in _truth(version)}

    assert runs == {"plain", "half", "accumulate", "optimizers", "every", "weights"}
    assert any(_truth(version)[file] == {} for file in _truth(version) if file.startswith("every"))


def test_what_the_page_says_of_this_corpus() -> None:
    """Versions, checkpoints and those that get no metrics, as the explanation counts them."""
    page = (CORPUS.parents[2] / "docs" / "explanation" / "step-rule.md").read_text("utf-8")
    (sentence,) = (line for line in page.splitlines() if "tests/corpus/lightning" in line)

    assert all(version in sentence for version in VERSIONS)
    assert f"of {sum(len(_truth(version)) for version in VERSIONS)} checkpoints" in sentence
    assert [len(files) for files in UNPROVED.values()] == [9]
    assert "nine, all of 1.6.3" in sentence
