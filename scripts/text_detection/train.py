"""Trains the text detector that a Hydra configuration describes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import hydra
import torch
from hydra.utils import instantiate
from lightning.pytorch import seed_everything

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from omegaconf import DictConfig
IGNORED_WARNINGS: Final = (
    # The images lie in memory: worker processes would only cost time.
    ".*does not have many workers",
    # Lightning's own use of torch.
    ".*isinstance.treespec, LeafSpec.* is deprecated",
)


def train(config: DictConfig) -> Trainer:
    """Train, and return the trainer as it stands afterwards."""
    for message in IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    torch.set_num_threads(config.num_threads)
    seed_everything(config.seed, workers=True, verbose=False)
    datamodule = instantiate(config.data)
    model = instantiate(config.model)
    callbacks = [instantiate(callback) for callback in config.callbacks.values()]
    trainer: Trainer = instantiate(config.trainer, callbacks=callbacks)
    trainer.fit(model, datamodule=datamodule)
    return trainer


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    """Compose the configuration from `conf/` and the command line, and train."""
    train(config)


if __name__ == "__main__":
    main()
