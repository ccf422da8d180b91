"""Rules of a user's own, as the how-to shows them."""

from __future__ import annotations

from pathlib import Path

import torch

from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.sources import signatures
from checkpoint_meta.sources.signatures import EncoderSignature, Signatures, load_signatures
from checkpoint_meta.store import read_sidecar
from tests.commands import ckpt_meta
from tests.docs.pages import DOCS, blocks

WEIGHTS = {
    "model.encoder.stem.weight": (32, 3, 2, 3),
    "model.encoder.norm.weight": (32,),
    "model.encoder.norm.running_mean": (32,),
    "model.decoder.blocks.0.weight": (4, 8, 1, 1),
    "model.decoder.blocks.1.weight": (4, 16, 1, 1),
    "model.decoder.out.weight": (24, 4, 1, 1),
    "model.head.logits.weight": (2, 24),
}


def test_the_page_tells_a_model_of_ones_own(tmp_path: Path) -> None:
    """With its two files each part of such a model has its name, and its channels."""
    for block in blocks(DOCS / "how-to" / "own-models.md"):
        assert block.title
        (tmp_path / block.title).write_text(block.body, encoding="utf-8")
    weights = {name: torch.zeros(shape) for name, shape in WEIGHTS.items()}
    torch.save({"epoch": 1, "global_step": 2, "state_dict": weights}, tmp_path / "a.ckpt")

    made = ckpt_meta(tmp_path, "convert")

    document = read_sidecar(tmp_path / "a.metadata.yaml")
    assert made.returncode == 0, made.stderr
    assert look_up(document, ("model", "architecture")) == "mynet"
    assert look_up(document, ("model", "encoder", "model_name")) == "my_encoder"
    assert look_up(document, ("model", "decoder", "name")) == "my_decoder"
    assert look_up(document, ("model", "decoder", "in_channels")) == [8, 16]
    assert look_up(document, ("model", "decoder", "output_channels")) == 24
    assert look_up(document, ("model", "head", "name")) == "my_head"


def test_a_users_encoder_outranks_the_built_in_one_of_its_name() -> None:
    """A fork of resnet18 may keep its name, and stands where the built-in one stood."""
    fork = EncoderSignature(tensors=7, params=11)

    encoders = load_signatures().extended(Signatures(encoders={"resnet18": fork})).encoders

    assert encoders["resnet18"] == fork
    assert next(iter(encoders)) == "resnet18"
    assert set(encoders) == set(load_signatures().encoders)


def test_the_built_in_table_is_one_that_a_user_could_hand_over() -> None:
    """It is read without the judge of users' tables, and would pass it."""
    file = Path(__file__).parents[2] / "configs" / "signatures" / signatures.BUILT_IN

    assert signatures._read_own(file) == signatures._read_built_in()
