"""Sidecar 2.0, the current one: the names and places of 1.0, every block optional."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from checkpoint_meta.schema.base import Block, Natural, Positive, Share

SCHEMA_VERSION = "2.0"


class CheckpointFacts(Block):
    """What lies beside the sidecar; tells whether it is still the file that was described."""

    format: str | None = Field(
        None, description="torch-zip, torch-legacy, safetensors, fsdp, dcp or deepspeed."
    )
    size_bytes: Natural | None = None
    mtime_ns: int | None = Field(None, description="Time of last change, in nanoseconds.")
    fingerprint: str | None = Field(
        None, description="From the archive's serialization id or CRCs; not cryptographic."
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    weights_only: bool | None = None


class Training(Block):
    """When in training the checkpoint was written."""

    epoch: Natural | None = Field(None, description="As Lightning numbers it, from 0.")
    global_step: Natural | None = Field(None, description="Optimizer steps of all optimizers.")
    training_phase: Literal["training", "validation", "finetuning"] | None = None
    max_epochs: Positive | None = None


class Encoder(Block):
    """The backbone."""

    model_name: str | None = None
    pretrained: bool | None = None
    frozen: bool | None = None


class Decoder(Block):
    """The decoder between backbone and head."""

    name: str | None = None
    in_channels: list[int] | None = None
    inner_channels: Positive | None = None
    output_channels: Positive | None = None
    params: dict[str, JsonValue] | None = None


class Head(Block):
    """The head that makes predictions."""

    name: str | None = None
    in_channels: Positive | None = None
    params: dict[str, JsonValue] | None = None


class Loss(Block):
    """The loss that was minimised."""

    name: str | None = None
    params: dict[str, JsonValue] | None = None


class Parameters(Block):
    """Size of the state dict."""

    count: Natural | None = Field(None, description="Elements of all tensors.")
    bytes: Natural | None = None
    dtypes: dict[str, Natural] | None = Field(None, description="Elements by dtype.")


class Model(Block):
    """The model and the parts that it has."""

    class_: str | None = Field(None, alias="class", description="Import path of the module.")
    architecture: str | None = None
    encoder: Encoder | None = None
    decoder: Decoder | None = None
    head: Head | None = None
    loss: Loss | None = None
    parameters: Parameters | None = None


class Metrics(Block):
    """What was measured at this very global step, and nothing older."""

    precision: Share | None = None
    recall: Share | None = None
    hmean: Share | None = None
    validation_loss: float | None = None
    additional_metrics: dict[str, float] | None = Field(
        None, description="Every other metric under the name that it was logged by."
    )


class LastValidation(Block):
    """The last validation, where it was an earlier one."""

    epoch: Natural | None = None
    global_step: Natural | None = None
    metrics: dict[str, float] | None = None


class SavedIn(Block):
    """The moment of the save."""

    stage: str | None = Field(None, description="fit, validate, test or predict.")
    sanity_checking: bool | None = None
    last_batch: bool | None = Field(None, description="The epoch's last batch was done.")


class Checkpointing(Block):
    """How the checkpoint was chosen, by the ModelCheckpoint that wrote it."""

    monitor: str | None = None
    mode: Literal["min", "max"] | None = None
    score: float | None = Field(None, description="The monitored metric of this checkpoint.")
    rank: Positive | None = Field(None, description="Among the kept ones; 1 is the best.")
    best: bool | None = None
    save_top_k: Annotated[int, Field(ge=-1)] | None = None
    save_last: bool | Literal["link"] | None = None


class Wandb(Block):
    """The Weights & Biases run that wrote the checkpoint."""

    entity: str | None = None
    project: str | None = None
    run_id: str | None = None
    url: str | None = None


class LoggerRun(Block):
    """A logger that wrote to a local folder during training."""

    logger: str | None = Field(None, description="Class of the logger.")
    folder: str | None = Field(None, description="Relative to the sidecar's own folder.")


class Environment(Block):
    """Software that wrote the checkpoint."""

    lightning: str | None = None
    torch: str | None = None
    python: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None


class WrittenBy(Block):
    """Software that wrote the sidecar."""

    tool: str | None = None
    version: str | None = None
    how: Literal["training", "convert"] | None = None
    seen: dict[str, str] | None = Field(
        None,
        description="Source -> mark of the files that it would read: has any changed since?",
    )


class ProvenanceLine(Block):
    """The fields that one source gave."""

    source: str
    location: str | None = Field(None, description="Relative to the sidecar's own folder.")
    size_bytes: Natural | None = None
    mtime_ns: int | None = Field(None, description="With the size: has that file changed since?")
    fields: list[str]


class CheckpointMetadata(Block):
    """A whole 2.0 sidecar."""

    schema_version: Literal["2.0"]
    checkpoint_path: str = Field(description="Relative to the sidecar's own folder.")
    exp_name: str | None = None
    created_at: str | None = Field(
        None, description="When the checkpoint was written: ISO 8601 with its zone."
    )
    checkpoint: CheckpointFacts | None = None
    training: Training | None = None
    model: Model | None = None
    metrics: Metrics | None = None
    last_validation: LastValidation | None = None
    saved_in: SavedIn | None = None
    checkpointing: Checkpointing | None = None
    hyperparameters: dict[str, JsonValue] | None = None
    hydra_config_path: str | None = Field(None, description="Relative to the sidecar's own folder.")
    hydra_overrides: list[str] | None = None
    wandb: Wandb | None = None
    wandb_run_id: str | None = None
    loggers: list[LoggerRun] | None = None
    environment: Environment | None = None
    written_by: WrittenBy | None = None
    pinned: list[str] | None = Field(
        None, description="Fields that a person has set; no command changes them."
    )
    provenance: list[ProvenanceLine] | None = None
    upgraded_from: dict[str, JsonValue] | None = Field(
        None, description="What an upgraded 1.0 document said that 2.0 says otherwise."
    )
