from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.sources.model_config import interpolated, model_claims

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

ALIASES = {"UNet": "unet", "DBHead": "db_head"}


def _claims(config: dict[str, JSONValue]) -> dict[str, JSONValue]:
    return {".".join(field): value for field, value in model_claims(config, ALIASES).items()}


def test_a_plain_model_group() -> None:
    """Encoder, decoder and head are taken from where people put them."""
    config: dict[str, JSONValue] = {
        "model": {
            "architecture": "dbnet",
            "encoder": {"model_name": "resnet18", "pretrained": True},
            "decoder": {"name": "pan", "in_channels": [1, 2], "out_channels": 3},
            "head": {"name": "db_head", "in_channels": 3},
        }
    }

    assert _claims(config) == {
        "model.architecture": "dbnet",
        "model.encoder.model_name": "resnet18",
        "model.encoder.pretrained": True,
        "model.decoder.name": "pan",
        "model.decoder.in_channels": [1, 2],
        "model.decoder.output_channels": 3,
        "model.head.name": "db_head",
        "model.head.in_channels": 3,
    }


def test_class_paths_become_canonical_names() -> None:
    """`${decoder_path}.UNet` resolves inside the file, and is known as `unet`."""
    config: dict[str, JSONValue] = {
        "decoder_path": "ocr.models.decoder",
        "model": {"decoder": {"_target_": "${decoder_path}.UNet"}},
    }

    assert _claims(config) == {"model.decoder.name": "unet"}


def test_an_override_of_a_part_replaces_it_whole() -> None:
    """The channels of the decoder that was not built are not claimed."""
    config: dict[str, JSONValue] = {
        "model": {
            "decoder": {"_target_": "x.UNet", "output_channels": 256},
            "component_overrides": {"decoder": {"name": "pan_decoder", "params": {}}},
        }
    }

    assert _claims(config) == {"model.decoder.name": "pan_decoder"}


def test_what_does_not_resolve_inside_the_file_claims_nothing() -> None:
    """An environment variable is never read, and never guessed."""
    config: dict[str, JSONValue] = {
        "exp_name": "${oc.env:USER}",
        "model": {"architecture": "${missing.key}"},
    }

    assert _claims(config) == {}


def test_two_model_checkpoints_leave_open_which_one_wrote_the_file() -> None:
    """Only the settings of the only ModelCheckpoint are claimed."""
    one: dict[str, JSONValue] = {"_target_": "a.ModelCheckpoint", "monitor": "x", "save_top_k": 3}
    stop: dict[str, JSONValue] = {"_target_": "a.EarlyStopping", "monitor": "y"}

    assert _claims({"callbacks": {"a": one, "b": stop}}) == {
        "checkpointing.monitor": "x",
        "checkpointing.save_top_k": 3,
    }
    assert _claims({"callbacks": [one, one]}) == {}


def test_endless_references_end() -> None:
    """A configuration that refers to itself stays text."""
    assert interpolated("${a}", {"a": "${b}", "b": "${a}"}) in {"${a}", "${b}"}
