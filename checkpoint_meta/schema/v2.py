"""Sidecar 2.0, the current one: the names and places of 1.0, every block optional."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from checkpoint_meta.schema.base import Block, Natural, Positive, Share


class CheckpointFacts(Block):
    """What lies beside the sidecar; tells whether it is still the file that was described."""

    format: str | None = Field(
        None, description="torch-zip, torch-legacy, safetensors, fsdp, dcp or deepspeed."
    )
    size_bytes: Natural | None = Field(
        None, description="Of the file, or of all files of a sharded folder."
    )
    mtime_ns: int | None = Field(None, description="Time of last change, in nanoseconds.")
    fingerprint: str | None = Field(
        None, description="From the archive's serialization id or CRCs; not cryptographic."
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="Of the whole file; only where asked for."
    )
    weights_only: bool | None = Field(
        None, description="It holds no optimizer and no loops: `save_weights_only`."
    )


class Training(Block):
    """When in training the checkpoint was written."""

    epoch: Natural | None = Field(None, description="As Lightning numbers it, from 0.")
    global_step: Natural | None = Field(None, description="Optimizer steps of all optimizers.")
    training_phase: Literal["training", "validation", "finetuning"] | None = Field(
        None, description="What the run was for, as the callback was told."
    )
    max_epochs: Positive | None = Field(
        None, description="After how many epochs the run was to end."
    )


class Encoder(Block):
    """The backbone."""

    model_name: str | None = Field(None, description="As timm names it, such as resnet18.")
    pretrained: bool | None = Field(None, description="It began with pretrained weights.")
    frozen: bool | None = Field(None, description="It was not trained.")


class Decoder(Block):
    """The decoder between backbone and head."""

    name: str | None = Field(None, description="Such as unet, pan_decoder or fpn_decoder.")
    in_channels: list[int] | None = Field(
        None, description="Of the encoder's stages, the finest first."
    )
    inner_channels: Positive | None = Field(None, description="Between its layers.")
    output_channels: Positive | None = Field(None, description="That the head is given.")
    params: dict[str, JsonValue] | None = Field(
        None, description="Its other settings, as the configuration has them."
    )


class Head(Block):
    """The head that makes predictions."""

    name: str | None = Field(None, description="Such as db_head.")
    in_channels: Positive | None = Field(None, description="That it is given.")
    params: dict[str, JsonValue] | None = Field(
        None, description="Its other settings, as the configuration has them."
    )


class Loss(Block):
    """The loss that was minimised."""

    name: str | None = Field(None, description="Such as db_loss.")
    params: dict[str, JsonValue] | None = Field(
        None, description="Its settings, as the configuration has them."
    )


class Parameters(Block):
    """Size of the state dict."""

    count: Natural | None = Field(None, description="Elements of all tensors.")
    bytes: Natural | None = Field(None, description="Of all tensors.")
    dtypes: dict[str, Natural] | None = Field(None, description="Elements by dtype.")


class Model(Block):
    """The model and the parts that it has."""

    class_: str | None = Field(None, alias="class", description="Import path of the module.")
    architecture: str | None = Field(None, description="Such as dbnet.")
    encoder: Encoder | None = None
    decoder: Decoder | None = None
    head: Head | None = None
    loss: Loss | None = None
    parameters: Parameters | None = None


class Metrics(Block):
    """What was measured at this very global step, and nothing older."""

    precision: Share | None = Field(None, description="As a share of 1.")
    recall: Share | None = Field(None, description="As a share of 1.")
    hmean: Share | None = Field(
        None, description="Harmonic mean of precision and recall (F1), as a share of 1."
    )
    validation_loss: float | None = Field(None, description="Any finite number.")
    additional_metrics: dict[str, float] | None = Field(
        None, description="Every other metric under the name that it was logged by."
    )


class LastValidation(Block):
    """The last validation, where it was an earlier one."""

    epoch: Natural | None = Field(None, description="In which it ran, from 0.")
    global_step: Natural | None = Field(None, description="At which it ran.")
    metrics: dict[str, float] | None = Field(
        None, description="By the names that they were logged by."
    )


class SavedIn(Block):
    """The moment of the save."""

    stage: str | None = Field(None, description="fit, validate, test or predict.")
    sanity_checking: bool | None = Field(
        None, description="It was in the validation that Lightning runs before training."
    )
    last_batch: bool | None = Field(None, description="The epoch's last batch was done.")


class Checkpointing(Block):
    """How the checkpoint was chosen, by the ModelCheckpoint that wrote it."""

    monitor: str | None = Field(None, description="Logged name of the metric that decides.")
    mode: Literal["min", "max"] | None = Field(None, description="Which end of it is better.")
    score: float | None = Field(None, description="The monitored metric of this checkpoint.")
    rank: Positive | None = Field(None, description="Among the kept ones; 1 is the best.")
    best: bool | None = Field(
        None, description="No kept checkpoint of the same ModelCheckpoint is better."
    )
    save_top_k: Annotated[int, Field(ge=-1)] | None = Field(
        None, description="How many are kept; -1: all."
    )
    save_last: bool | Literal["link"] | None = Field(
        None, description="Whether there is a `last.ckpt`; link: as a symbolic link."
    )


class Wandb(Block):
    """The Weights & Biases run that wrote the checkpoint."""

    entity: str | None = Field(None, description="User or team.")
    project: str | None = Field(None, description="Name of the project.")
    run_id: str | None = Field(None, description="The eight or so letters of the address.")
    url: str | None = Field(None, description="Address of the run's page.")


class LoggerRun(Block):
    """A logger that wrote to a local folder during training."""

    logger: str | None = Field(None, description="Class of the logger.")
    folder: str | None = Field(None, description="Relative to the sidecar's own folder.")


class Environment(Block):
    """Software that wrote the checkpoint."""

    lightning: str | None = Field(None, description="Version.")
    torch: str | None = Field(None, description="Version.")
    python: str | None = Field(None, description="Version.")
    git_commit: str | None = Field(None, description="Of the folder in which training began.")
    git_dirty: bool | None = Field(
        None, description="That folder had changes that were not committed."
    )


class WrittenBy(Block):
    """Software that wrote the sidecar."""

    tool: str | None = Field(None, description="Its name: checkpoint-meta.")
    version: str | None = Field(None, description="Its version.")
    how: Literal["training", "convert"] | None = Field(
        None, description="training: by the callback; convert: by `ckpt-meta convert`."
    )
    seen: dict[str, str] | None = Field(
        None,
        description="Source -> mark of the files that it would read: has any changed since?",
    )


class ProvenanceLine(Block):
    """The fields that one source gave."""

    source: str = Field(description="Name of the source, such as checkpoint or hydra.")
    location: str | None = Field(None, description="Relative to the sidecar's own folder.")
    size_bytes: Natural | None = Field(None, description="Of that file, when it was read.")
    mtime_ns: int | None = Field(None, description="With the size: has that file changed since?")
    fields: list[str] = Field(description="Dotted names of the fields that it gave.")


class CheckpointMetadata(Block):
    """A whole 2.0 sidecar."""

    schema_version: Literal["2.0"] = Field(description="Version of the format.")
    checkpoint_path: str = Field(description="Relative to the sidecar's own folder.")
    exp_name: str | None = Field(None, description="Name of the experiment.")
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
    hyperparameters: dict[str, JsonValue] | None = Field(
        None, description="As the module saved them; secrets are masked, long values cut."
    )
    hydra_config_path: str | None = Field(None, description="Relative to the sidecar's own folder.")
    hydra_overrides: list[str] | None = Field(
        None, description="What was given on Hydra's command line."
    )
    wandb: Wandb | None = None
    wandb_run_id: str | None = Field(
        None, description="The same as wandb.run_id, where schema 1.0 had it."
    )
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
