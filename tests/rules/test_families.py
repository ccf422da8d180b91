"""Which model family is nearest, by the rules of the user interface that loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.rules.families import Difference, nearest_family
from checkpoint_meta.rules.policy_file import read_policy
from checkpoint_meta.sources.signatures import load_signatures

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue
    from checkpoint_meta.rules.families import Fit


def fit(encoder: str, **values: JSONValue) -> Fit | None:
    """Return the fit of a model, its fields given as `decoder_name="unet"`."""
    model: dict[FieldPath, JSONValue] = {("model", "encoder", "model_name"): encoder}
    for key, value in values.items():
        part, _, field = key.partition("_")
        model["model", part, field] = value
    families = read_policy("ocr-detection").families or ()
    return nearest_family(families, model.get, load_signatures().aliases)


@pytest.mark.parametrize("name", ["pan", "pan_decoder", "PANDecoder", "ours.decoders.PANDecoder"])
def test_aliases_are_one_decoder(name: str) -> None:
    """Short names, canonical names, classes and their paths are the same."""
    found = fit("resnet18", decoder_name=name, decoder_output_channels=256)

    assert found is not None
    assert (found.family.id, found.differences) == ("dbnet_resnet18_pan", ())


def test_no_family_names_the_encoder() -> None:
    """An encoder of no family has no nearest one."""
    assert fit("vgg16_bn", decoder_name="unet") is None


def test_a_tie_goes_to_the_smaller_output() -> None:
    """A model of which only the encoder is known fits the family with the smallest output."""
    found = fit("resnet18")

    assert found is not None
    assert found.family.id == "dbnet_resnet18_unet64"


def test_the_fewest_differences_win() -> None:
    """The finding's differences are those of the nearest family."""
    found = fit(
        "resnet18", decoder_name="unet", decoder_output_channels=128, decoder_inner_channels=256
    )

    assert found is not None
    assert found.family.id == "dbnet_resnet18_unet64"
    assert found.differences == (Difference(("model", "decoder", "output_channels"), 64, 128),)


def test_kinds_are_compared() -> None:
    """A decoder of another kind is a difference, even with the same channels."""
    found = fit("resnet34", decoder_name="unet", decoder_output_channels=256)

    assert found is not None
    assert [one.field[-1] for one in found.differences] == ["name"]
