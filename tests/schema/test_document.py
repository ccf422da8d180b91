from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import DocumentError
from checkpoint_meta.schema.document import check_document, dump_document, parse_document

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue


def _document(**blocks: JSONValue) -> dict[str, JSONValue]:
    return {"schema_version": "2.0", "checkpoint_path": "x.ckpt", **blocks}


def _shown(value: object) -> str:
    try:
        return str(value)[:40]
    except ValueError:
        return "huge"


def test_the_smallest_sidecar_is_valid() -> None:
    """A 2.0 sidecar needs its version and the name of its checkpoint, nothing else."""
    assert check_document(_document()) == []


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        (None, "CM102", ()),
        ([1], "CM102", ()),
        ({}, "CM102", ("schema_version",)),
        ({"schema_version": "3.0"}, "CM103", ("schema_version",)),
        ({"schema_version": 2.0}, "CM103", ("schema_version",)),
        ({"schema_version": [2]}, "CM103", ("schema_version",)),
        (_document(training={"epoch": -(10**5000)}), "CM107", ("training", "epoch")),
        ({"schema_version": "2.0"}, "CM104", ("checkpoint_path",)),
        (_document(training={"epoch": "three"}), "CM105", ("training", "epoch")),
        (_document(training={"epoch": True}), "CM105", ("training", "epoch")),
        (_document(training={"epoch": -1}), "CM107", ("training", "epoch")),
        (_document(training=[1]), "CM105", ("training",)),
        (_document(metrics={"precision": float("nan")}), "CM106", ("metrics", "precision")),
        (_document(metrics={"hmean": float("inf")}), "CM106", ("metrics", "hmean")),
        (_document(metrics={"hmean": 1.01}), "CM107", ("metrics", "hmean")),
        (
            _document(metrics={"additional_metrics": {"a": float("nan")}}),
            "CM106",
            ("metrics", "additional_metrics", "a"),
        ),
        (_document(checkpointing={"mode": "best"}), "CM107", ("checkpointing", "mode")),
        (_document(created_at="2025-10-01T06:26:40"), "CM108", ("created_at",)),
        (_document(created_at="yesterday"), "CM108", ("created_at",)),
    ],
    ids=_shown,
)
def test_each_fault_has_its_code_and_field(
    document: JSONValue, code: str, field: tuple[str, ...]
) -> None:
    """A document that is not valid says by which rule, and where."""
    problems = check_document(document)

    assert [(problem.code, problem.field) for problem in problems] == [(code, field)]


def test_all_faults_are_reported_at_once() -> None:
    """Whoever mends a sidecar learns of every fault in one go."""
    document = _document(training={"epoch": -1, "global_step": "x"}, metrics={"recall": 2})

    assert len(check_document(document)) == 3


def test_parsing_raises_with_every_problem() -> None:
    """`parse_document` raises one error that holds what `check_document` returns."""
    document = _document(training={"epoch": -1, "global_step": "x"})

    with pytest.raises(DocumentError) as caught:
        parse_document(document)

    assert list(caught.value.problems) == check_document(document)


def test_dumping_is_the_inverse_of_parsing() -> None:
    """What was set comes back under the names that files use, unknown keys too."""
    document = _document(
        model={"class": "a.B", "encoder": {"model_name": "resnet18", "pretrained": None}},
        metrics={"additional_metrics": {"val/x": 1.5}},
        note="by hand",
    )

    assert dump_document(parse_document(document)) == document


def test_a_wandb_id_that_looks_like_a_number_must_be_quoted() -> None:
    """`wandb_run_id: 12345678` without quotes is a number, and is reported as such."""
    (problem,) = check_document(_document(wandb_run_id=12345678))

    assert problem.code == "CM105"
    assert "12345678" in problem.message
