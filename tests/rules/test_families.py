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


def test_a_tie_of_equal_outputs_goes_to_the_id() -> None:
    """Of two families with the same output, the first by its id is named."""
    found = fit("mobilenetv3")

    assert found is not None
    assert found.family.id == "dbnet_mobilenetv3_small_resnet_channels"


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"head_in_channels": 64}, ["in_channels"]),
        ({"decoder_in_channels": [1, 2, 3, 4]}, ["in_channels"]),
        (
            {"decoder_inner_channels": 1, "decoder_output_channels": 2},
            ["output_channels", "inner_channels"],
        ),
        ({"decoder_in_channels": [], "decoder_name": None}, []),
    ],
    ids=["head", "lists", "two", "unknown"],
)
def test_every_channel_is_compared_where_both_sides_know_it(
    values: dict[str, JSONValue], fields: list[str]
) -> None:
    """The differences are the fields that differ; what a model does not say is no difference."""
    found = fit("resnet34", **values)

    assert found is not None
    assert found.family.id == "dbnet_resnet34_pan"
    assert [one.field[-1] for one in found.differences] == fields


def test_one_family_may_name_several_encoders() -> None:
    """`resnet101` is loaded as `resnet50` is."""
    found = fit("resnet101", decoder_name="dbnetpp_decoder", decoder_output_channels=128)

    assert found is not None
    assert (found.family.id, found.differences) == ("dbnetpp_resnet50", ())
