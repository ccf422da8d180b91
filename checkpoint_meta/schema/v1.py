"""Sidecar 1.0 as older readers expect it; frozen for good."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from checkpoint_meta.schema.base import Block, Natural, Positive, Share


class TrainingV1(Block):
    """When in training the checkpoint was written."""

    epoch: Natural
    global_step: Natural
    training_phase: Literal["training", "validation", "finetuning"] = "training"
    max_epochs: Positive | None = None


class EncoderV1(Block):
    """The backbone."""

    model_name: str
    pretrained: bool = True
    frozen: bool = False


class DecoderV1(Block):
    """The decoder between backbone and head."""

    name: str
    in_channels: list[int] = Field(default_factory=list)
    inner_channels: Positive | None = None
    output_channels: Positive | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)


class HeadV1(Block):
    """The head that makes predictions."""

    name: str
    in_channels: Positive | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)


class LossV1(Block):
    """The loss that was minimised."""

    name: str
    params: dict[str, float] = Field(default_factory=dict)


class ModelV1(Block):
    """The model and its four parts, all required."""

    architecture: str
    encoder: EncoderV1
    decoder: DecoderV1
    head: HeadV1
    loss: LossV1


class MetricsV1(Block):
    """What was measured."""

    precision: Share | None = None
    recall: Share | None = None
    hmean: Share | None = None
    validation_loss: Annotated[float, Field(ge=0)] | None = None
    additional_metrics: dict[str, float] = Field(default_factory=dict)


class CheckpointingV1(Block):
    """How the checkpoint was chosen."""

    monitor: str
    mode: Literal["min", "max"]
    save_top_k: Annotated[int, Field(ge=-1)] = 1
    save_last: bool = True


class SidecarV1(Block):
    """A whole 1.0 sidecar."""

    schema_version: Literal["1.0"]
    checkpoint_path: str
    exp_name: str
    created_at: str
    training: TrainingV1
    model: ModelV1
    metrics: MetricsV1
    checkpointing: CheckpointingV1
    hydra_config_path: str | None = None
    wandb_run_id: str | None = None
