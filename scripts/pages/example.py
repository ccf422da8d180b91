"""The folder of runs that README and tutorial are about: scripts/example FOLDER.

Two runs of a text detector as Lightning and Hydra leave them, of full size (155 MB), without
sidecars. The weights are zeros; names, shapes and everything else are what a training writes.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

DAY: Final = 24 * 3600
AGE_DAYS: Final = 2.5

HYDRA: Final = """\
exp_name: {name}
lr: 0.001
trainer: {{max_epochs: 30}}
model:
  architecture: dbnet
  encoder: {{model_name: {encoder}, pretrained: true}}
  head: {{name: db_head}}
callbacks:
  model_checkpoint:
    _target_: lightning.pytorch.callbacks.ModelCheckpoint
    monitor: val/hmean
    mode: max
    save_top_k: 3
    save_last: true
"""


@dataclass(frozen=True)
class Run:
    """One training: its model, and the checkpoints that it kept."""

    name: str
    encoder: str
    sizes: tuple[int, int]
    """Tensors and parameters of the encoder, as timm builds it."""

    channels: tuple[int, ...]
    saves: tuple[tuple[int, int, float], ...]
    """Epoch, global step and hmean of each checkpoint."""


RUNS: Final = (
    Run(
        "dbnet-resnet18",
        "resnet18",
        (120, 11_176_512),
        (64, 128, 256, 512),
        ((17, 3600, 0.8812), (22, 4600, 0.9041), (24, 5000, 0.8987)),
    ),
    Run(
        "dbnet-mobilenetv3",
        "mobilenetv3_small_050",
        (240, 272_288),
        (8, 16, 24, 288),
        ((9, 1000, 0.8455), (11, 1200, 0.8603)),
    ),
)


def write_example(outputs: Path) -> None:
    """Write both runs below `outputs`."""
    for run in RUNS:
        folder = outputs / run.name
        (folder / ".hydra").mkdir(parents=True)
        config = HYDRA.format(name=run.name, encoder=run.encoder)
        (folder / ".hydra" / "config.yaml").write_text(config, encoding="utf-8")
        overrides = f"- model=dbnet\n- exp_name={run.name}\n"
        (folder / ".hydra" / "overrides.yaml").write_text(overrides, encoding="utf-8")
        weights = _weights(run)
        for number in range(len(run.saves)):
            _save(folder / "checkpoints", run, number, weights)


def _weights(run: Run) -> dict[str, torch.Tensor]:
    tensors, parameters = run.sizes
    shapes: dict[str, tuple[int, ...]] = {
        f"encoder.layer{n}.weight": (1,) for n in range(tensors - 1)
    }
    shapes["encoder.stem.weight"] = (parameters - tensors + 1,)
    for number, size in enumerate(run.channels):
        shapes[f"decoder.inners.{number}.weight"] = (256, size, 1, 1)
    shapes["decoder.outers.3.weight"] = (256, 256, 3, 3)
    shapes["head.binarize.0.weight"] = (64, 256, 3, 3)
    return {f"model.{name}": torch.zeros(shape) for name, shape in shapes.items()}


def _save(folder: Path, run: Run, number: int, weights: dict[str, torch.Tensor]) -> None:
    """Write one checkpoint with what Lightning and the project's own hook write."""
    names = [f"epoch={epoch}-step={step}.ckpt" for epoch, step, _ in run.saves]
    epoch, step, hmean = run.saves[number]
    kept = {
        f"checkpoints/{name}": torch.tensor(save[2])
        for name, save in zip(names[: number + 1], run.saves, strict=False)
    }
    best = max(kept, key=lambda path: kept[path].item())
    state = {
        "monitor": "val/hmean",
        "current_score": torch.tensor(hmean),
        "best_model_score": kept[best],
        "best_model_path": best,
        "best_k_models": kept,
        "last_model_path": "",
    }
    metrics = {"precision": round(hmean + 0.01, 4), "recall": round(hmean - 0.01, 4)}
    content = {
        "epoch": epoch,
        "global_step": step,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": weights,
        "loops": {},
        "callbacks": {"ModelCheckpoint{'monitor': 'val/hmean', 'mode': 'max'}": state},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.001, "batch_size": 16},
        "cleval_metrics": metrics | {"hmean": hmean},
    }
    path = folder / names[number]
    path.parent.mkdir(exist_ok=True)
    torch.save(content, path)
    written = time.time() - AGE_DAYS * DAY
    os.utime(path, (written, written))


def main() -> None:
    """Write the example where it is asked for."""
    parser = argparse.ArgumentParser(prog="scripts/example", description="Make a folder to try on.")
    parser.add_argument("folder", type=Path, help="folder to make; it must not exist")
    folder = parser.parse_args().folder
    if folder.exists():
        parser.error(f"{folder}: exists")
    write_example(folder)


if __name__ == "__main__":
    main()
