"""The demo's project: its configuration, its data, its metrics and one short training."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar
from scripts.text_detection.data import MARGIN, MAX_BOXES, draw_scenes
from scripts.text_detection.metrics import (
    MIN_AREA,
    Counts,
    box_iou,
    count_batch,
    count_matches,
    find_boxes,
    label_regions,
)
from scripts.text_detection.parts import build_part
from scripts.text_detection.train import train

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).parent.parent.parent
CONF = ROOT / "scripts" / "text_detection" / "conf"

TINY = (
    "data.train_count=16",
    "data.val_count=4",
    "trainer.max_epochs=1",
    "+trainer.limit_train_batches=2",
)
"""Overrides for a training of two steps."""


def composed(*overrides: str) -> DictConfig:
    """Return the demo's configuration, as its command line would compose it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=[*overrides])


def test_the_callbacks_are_a_group_that_takes_ours_by_name() -> None:
    """`callbacks: [model_checkpoint, checkpoint_metadata]` finds ours on Hydra's search path."""
    config = composed()

    assert list(config.callbacks) == ["model_checkpoint", "epoch_lines", "checkpoint_metadata"]
    assert config.callbacks.checkpoint_metadata._target_ == "checkpoint_meta.MetadataCallback"
    assert config.callbacks.checkpoint_metadata.exp_name == "tiny-text"


def test_ours_can_be_the_only_callback() -> None:
    """`callbacks: checkpoint_metadata` works as well as a list."""
    config = composed("callbacks=checkpoint_metadata")

    assert list(config.callbacks) == ["checkpoint_metadata"]


def test_a_project_without_exp_name_can_use_our_callback() -> None:
    """Where the configuration names no experiment, the callback is given none."""
    config = composed("~exp_name", "output_dir=elsewhere")

    assert config.callbacks.checkpoint_metadata.exp_name is None


def test_the_configuration_names_the_model_family_that_the_policy_asks_for() -> None:
    """`families.yaml` and `conf/model` speak of the same parts and channels."""
    model = composed().model

    family = OmegaConf.load(CONF.parent / "families.yaml").families[0]

    assert family.encoders == [model.encoder.model_name]
    assert family.decoder == model.decoder
    assert family.head == model.head


def test_the_same_seed_draws_the_same_images() -> None:
    """Data depend on the seed and on nothing else."""
    first, again, other = (draw_scenes(3, 96, seed).tensors for seed in (1, 1, 2))

    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_a_perfect_mask_finds_every_box() -> None:
    """Targets grown by the margin are the true boxes: nothing in the data is unreachable."""
    _, targets, boxes = draw_scenes(8, 96, seed=3).tensors

    counts = count_batch(targets[:, 0] > 0, boxes, grow=MARGIN)

    assert counts.matched == counts.found == counts.true == (boxes[..., 2] > 0).sum()
    assert boxes.shape == (8, MAX_BOXES, 4)
    assert counts.hmean == 1.0


def _mask(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    mask = torch.zeros(1, 40, 40, dtype=torch.bool)
    for x0, y0, x1, y1 in boxes:
        mask[0, y0:y1, x0:x1] = True
    return mask


def test_regions_that_touch_by_a_corner_are_one() -> None:
    """Two regions apart have two numbers; the background has 0."""
    apart = label_regions(_mask((0, 0, 8, 8), (10, 0, 18, 8)))
    corner = label_regions(_mask((0, 0, 8, 8), (8, 8, 18, 18)))

    assert len(torch.unique(apart)) == 3
    assert len(torch.unique(corner)) == 2


def test_a_box_is_around_its_region_and_its_margin() -> None:
    """x1 and y1 are just outside; specks are no boxes."""
    side = MIN_AREA
    labels = label_regions(_mask((4, 6, 4 + side, 8), (38, 38, 40, 40)))[0]

    assert find_boxes(labels, grow=1).tolist() == [[3, 5, 5 + side, 9]]


def test_overlap_of_two_boxes() -> None:
    """Half of each is shared: one third of the union."""
    first = torch.tensor([[0.0, 0, 10, 10]])
    second = torch.tensor([[5.0, 0, 15, 10], [20, 20, 30, 30]])

    assert box_iou(first, second).tolist() == [[pytest.approx(1 / 3), 0.0]]


@pytest.mark.parametrize(
    ("found", "true", "counts"),
    [
        ([[0, 0, 10, 10]], [[0, 0, 10, 10], [20, 0, 30, 10]], Counts(1, 1, 2)),
        ([[0, 0, 10, 10], [0, 0, 10, 9]], [[0, 0, 10, 10]], Counts(1, 2, 1)),
        ([[0, 0, 10, 10]], [[6, 0, 16, 10]], Counts(0, 1, 1)),
        ([], [[0, 0, 10, 10]], Counts(0, 0, 1)),
        ([[0, 0, 10, 10]], [], Counts(0, 1, 0)),
    ],
    ids=["one missed", "found twice", "too little overlap", "none found", "none there"],
)
def test_each_true_box_is_matched_once(
    found: list[list[int]], true: list[list[int]], counts: Counts
) -> None:
    """Pairs are one to one, from an overlap of one half on."""
    boxes = [torch.tensor(each, dtype=torch.float32).reshape(-1, 4) for each in (found, true)]

    assert count_matches(boxes[0], boxes[1]) == counts


def test_scores_of_counts() -> None:
    """Hmean is the harmonic mean; nothing found is 0, not an error."""
    counts = Counts(matched=3, found=4, true=6)

    assert (counts.precision, counts.recall) == (0.75, 0.5)
    assert counts.hmean == pytest.approx(0.6)
    assert Counts(0, 0, 5).hmean == Counts(0, 0, 5).precision == Counts().recall == 0.0


def test_an_unknown_part_is_named() -> None:
    """The error says which parts there are."""
    with pytest.raises(ValueError, match="no part is called 'unet'; there are tiny_cnn"):
        build_part("unet", {})


@pytest.mark.train
def test_a_training_leaves_checkpoints_with_their_scores(tmp_path: Path) -> None:
    """The best and the last checkpoint are written, and say how good they are."""
    trainer = train(composed("~callbacks.checkpoint_metadata", f"output_dir={tmp_path}", *TINY))

    checkpoints = tmp_path / "checkpoints"
    assert sorted(file.name for file in checkpoints.iterdir()) == [
        "epoch=0-hmean=0.0000.ckpt",
        "last.ckpt",
    ]
    saved = torch.load(checkpoints / "last.ckpt", weights_only=True)
    assert saved["metrics"] == {"precision": 0.0, "recall": 0.0, "hmean": 0.0}
    assert saved["hyper_parameters"]["encoder"]["model_name"] == "tiny_cnn"
    assert {"train/loss", "val/loss", "val/hmean"} <= set(trainer.callback_metrics)


@pytest.mark.train
def test_a_training_with_our_callback_leaves_a_sidecar_beside_each_checkpoint(
    tmp_path: Path,
) -> None:
    """As Hydra builds it from `checkpoint_metadata.yaml`, and for the family of the policy."""
    train(composed("callbacks.checkpoint_metadata.strict=true", f"output_dir={tmp_path}", *TINY))

    found = list(iter_checkpoints(tmp_path))
    documents = [read_sidecar(checkpoint.sidecar) for checkpoint in found]
    assert len(found) == 2
    assert [check_document(document) for document in documents] == [[], []]
    for document in documents:
        assert document["exp_name"] == "tiny-text"
        assert look_up(document, ("metrics", "hmean")) == 0.0
        assert look_up(document, ("model", "decoder", "in_channels")) == [24, 32, 48]


@pytest.mark.parametrize("script", ["demo", "setup", "test"])
def test_scripts_are_bash(script: str) -> None:
    """No script ends in a syntax error half-way."""
    subprocess.run(["bash", "-n", ROOT / "scripts" / script], check=True)
