from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from checkpoint_meta.catalog.fields import FIELDS, find_field, known_fields, value_at
from checkpoint_meta.schema.base import Block
from checkpoint_meta.schema.v2 import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkpoint_meta.evidence import FieldPath


def _of_schema(model: type[Block], prefix: FieldPath = ()) -> Iterator[FieldPath]:
    for name, field in model.model_fields.items():
        path = (*prefix, field.alias or name)
        blocks = [
            arm
            for arm in get_args(field.annotation)
            if isinstance(arm, type) and issubclass(arm, Block)
        ]
        if blocks:
            yield from _of_schema(blocks[0], path)
        else:
            yield path


def test_the_table_is_the_schema() -> None:
    """Every field of the 2.0 schema has a name in queries, and no other is in the table."""
    assert set(FIELDS) == set(_of_schema(CheckpointMetadata))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("hmean", ("metrics", "hmean")),
        ("epoch", ("training", "epoch")),
        ("step", ("training", "global_step")),
        ("exp_name", ("exp_name",)),
        ("architecture", ("model", "architecture")),
        ("encoder.pretrained", ("model", "encoder", "pretrained")),
        ("backbone", ("model", "encoder", "model_name")),
        ("metrics.hmean", ("metrics", "hmean")),
        ("status", ("status",)),
    ],
)
def test_short_names_are_whole_fields(name: str, path: FieldPath) -> None:
    """A name that is the end of one field only stands for it."""
    assert find_field(name).paths == (path,)


def test_a_name_of_several_fields_is_ambiguous() -> None:
    """`in_channels` is the decoder's and the head's."""
    assert known_fields("in_channels") == (
        ("model", "decoder", "in_channels"),
        ("model", "head", "in_channels"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val/f1.macro", 0.5),
        ("metrics.val/f1.macro", 0.5),
        ("metrics.additional_metrics.val/f1.macro", 0.5),
        ("lr", 0.001),
        ("optimizer.name", "adam"),
        ("hyperparameters.optimizer.name", "adam"),
        ("checkpoint.format", "torch-zip"),
        ("last_validation.metrics.val/hmean", 0.25),
        ("team", "ours"),
        ("model.parameters.dtypes.float32", 7),
        ("nowhere", None),
    ],
)
def test_what_the_schema_does_not_name_is_found(name: str, value: object) -> None:
    """Logged metrics, hyper-parameters, a person's own fields and inner keys have names too."""
    row: dict[FieldPath, object] = {
        ("metrics", "additional_metrics", "val/f1.macro"): 0.5,
        ("hyperparameters",): {"lr": 0.001, "optimizer": {"name": "adam"}},
        ("checkpoint",): {"format": "torch-zip"},
        ("last_validation",): {"metrics": {"val/hmean": 0.25}},
        ("model", "parameters"): {"dtypes": {"float32": 7}},
        ("team",): "ours",
    }

    assert find_field(name).value(row) == value  # type: ignore[arg-type]


def test_zero_and_false_are_values() -> None:
    """Epoch 0 is an epoch."""
    assert value_at({("training", "epoch"): 0}, ("training", "epoch")) == 0
