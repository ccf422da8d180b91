"""The Lightning callback: a sidecar beside every checkpoint that training writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_meta.training._lightning import LightningCallback
from checkpoint_meta.training.describe import Options
from checkpoint_meta.training.environment import git_state
from checkpoint_meta.training.interface import model_checkpoints
from checkpoint_meta.training.recorder import Recorder
from checkpoint_meta.training.taps import tap_links, tap_strategy

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from checkpoint_meta.training.describe import Extra
    from checkpoint_meta.training.interface import TrainerLike


class MetadataCallback(LightningCallback):
    """Writes a sidecar beside each checkpoint, and removes it with the checkpoint.

    It keeps no state in the checkpoint: a run goes on with or without it.

    Args:
        exp_name: name of the experiment; the run's configuration or folder names it otherwise.
        outputs_dir: folder that schema 1.0's paths and `sidecar_dir` are relative to.
        training_phase: `training`, `validation` or `finetuning`.
        schema_version: `2.0`, or `1.0` for readers that know no other.
        sidecar_dir: mirror folder for the sidecars, if they may not lie beside checkpoints.
        metrics: which logged metric stands for a field, such as `{"hmean": "val/f1"}`.
        extra: fields of your own, or a function that is given the Trainer and returns them; it
            is called on global rank 0 alone, so it must not run collectives.
        strict: raise our own faults, for tests; otherwise each is one line in the log.
    """

    def __init__(  # noqa: PLR0913 - each is an option of its own in Hydra and LightningCLI
        self,
        exp_name: str | None = None,
        outputs_dir: str | os.PathLike[str] | None = None,
        training_phase: str = "training",
        *,
        schema_version: str = "2.0",
        sidecar_dir: str | os.PathLike[str] | None = None,
        metrics: Mapping[str, str] | None = None,
        extra: Extra = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        options = Options(
            exp_name=exp_name,
            outputs_dir=None if outputs_dir is None else Path(outputs_dir),
            training_phase=training_phase,
            schema_version=schema_version,
            sidecar_dir=None if sidecar_dir is None else Path(sidecar_dir),
            metrics=dict(metrics or {}),
            extra=extra,
            strict=strict,
        )
        self._recorder = Recorder(options)

    def attach(self, trainer: TrainerLike) -> None:
        """Listen to this Trainer's saves from now on; `fit` does it by itself."""
        with self._recorder.faults.training_goes_on("listening to saves"):
            tap_strategy(self._recorder, trainer)
            for owner in model_checkpoints(trainer):
                tap_links(self._recorder, owner)

    def setup(self, trainer: TrainerLike, pl_module: object, stage: str) -> None:
        """Listen, once there is a strategy to listen to."""
        del pl_module, stage
        self.attach(trainer)
        if trainer.is_global_zero:
            # Now, since the code may be edited before the first checkpoint is written.
            with self._recorder.faults.training_goes_on("asking git"):
                git_state(Path.cwd())

    def on_train_batch_start(
        self, trainer: TrainerLike, pl_module: object, batch: object, batch_idx: int
    ) -> None:
        """See which metrics are older than the batch that begins."""
        del pl_module, batch, batch_idx
        self._observe(trainer)

    def on_validation_end(self, trainer: TrainerLike, pl_module: object) -> None:
        """See what this validation has measured."""
        del pl_module
        self._observe(trainer)

    def on_train_epoch_end(self, trainer: TrainerLike, pl_module: object) -> None:
        """See what this epoch has measured."""
        del pl_module
        self._observe(trainer)

    def _observe(self, trainer: TrainerLike) -> None:
        with self._recorder.faults.training_goes_on("reading the metrics"):
            self._recorder.tracker.observe(trainer)
