"""A small tree as the system that we replace left it: shapes, names and wrong sidecars alike."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.conftest import Saved, make_run, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Shapes = dict[str, tuple[int, ...]]
Truth = dict[str, Any]
"""What is true of one checkpoint, in the words of the corpus's own truth files."""

SIZES: Final = {"resnet18": (120, 11176512), "mobilenetv3_small_050": (240, 272288)}
"""Encoder -> tensors and parameters, as timm builds it."""

CHANNELS: Final = {"resnet18": [64, 128, 256, 512], "mobilenetv3_small_050": [8, 16, 24, 288]}


def _decoder(name: str, channels: list[int], out: int) -> Shapes:
    """Return what the old project's module of this name was made of, as far as it tells it."""
    match name:
        case "unet":
            inners = {f"inners.{i}.weight": (256, size, 1, 1) for i, size in enumerate(channels)}
            return {**inners, "outers.3.weight": (out, 256, 3, 3)}
        case "pan_decoder":
            reduced = {
                f"reduce_convs.{i}.0.weight": (256, size, 1, 1) for i, size in enumerate(channels)
            }
            return {**reduced, "output_conv.0.weight": (out, 1024, 3, 3)}
        case "dbnetpp_decoder":
            last: Shapes = {
                "top_down.0.depthwise.weight": (256, 1, 3, 3),
                "output_conv.0.weight": (out, 1024, 3, 3),
            }
        case _:
            last = {"fusion.0.weight": (out, 1024, 3, 3)}
    lateral = {f"lateral_convs.{i}.0.weight": (256, size, 1, 1) for i, size in enumerate(channels)}
    return {**lateral, **last}


def _shapes(encoder: str, decoder: str, out: int) -> Shapes:
    tensors, params = SIZES[encoder]
    parts: Shapes = {f"encoder.{number}.weight": (1,) for number in range(tensors - 1)}
    parts["encoder.rest.weight"] = (params - tensors + 1,)
    decoder_parts = _decoder(decoder, CHANNELS[encoder], out)
    parts |= {f"decoder.{name}": shape for name, shape in decoder_parts.items()}
    parts["head.binarize.0.weight"] = (out // 4, out, 3, 3)
    return {f"model.{name}": shape for name, shape in parts.items()}


@dataclass(frozen=True)
class Run:
    """One run: its folder, its model, and the names of its files."""

    folder: str
    encoder: str
    decoder: str
    names: tuple[str, ...]
    monitor: str | None = "val/hmean"
    mode: str = "max"
    out: int = 256
    has_metrics: bool = True
    architecture: str = field(default="dbnet")


RUNS: Final = (
    Run("lightning_logs/version_0", "resnet18", "unet", ("epoch=4-step=515.ckpt",)),
    Run(
        "ocr_training-dbnet-pan_decoder-resnet18_1",
        "resnet18",
        "pan_decoder",
        ("epoch_epoch_04_step_step_000515_20251009_015037.ckpt", "last_20251009_015037.ckpt"),
    ),
    Run("pan_canonical_3", "resnet18", "unet", ("val/hmean=0.8000-best.ckpt", "last.ckpt"), out=64),
    Run(
        "2025-10-05/04-04-00_4",
        "mobilenetv3_small_050",
        "fpn_decoder",
        ("best.ckpt", "best-v1.ckpt", "best-v2.ckpt", "last.ckpt"),
        out=128,
    ),
    Run(
        "multirun/2025-10-06/12-00-00/5",
        "resnet18",
        "dbnetpp_decoder",
        ("epoch-04_step-000515_hmean-0.8000.ckpt", "best-loss-0.2000.ckpt"),
        monitor="val/loss",
        mode="min",
        out=128,
        architecture="dbnetpp",
    ),
    Run("7", "mobilenetv3_small_050", "pan_decoder", ("epoch--step-515.ckpt",), has_metrics=False),
)


def write_corpus(outputs: Path, *, old_sidecars: bool) -> list[Truth]:
    """Write every run below `outputs`, and return what is true of each checkpoint."""
    return [truth for run in RUNS for truth in _write_run(outputs, run, old_sidecars=old_sidecars)]


def _write_run(outputs: Path, run: Run, *, old_sidecars: bool) -> Iterator[Truth]:
    folder = outputs / run.folder
    if "version_" not in run.folder:
        # The configuration names a model that was not built.
        make_run(folder, f"exp_name: {folder.name}\nmodel: {{encoder: {{model_name: vgg19_bn}}}}\n")
    for number, name in zip(count(), run.names, strict=False):
        truth = _truth(run, number, name)
        path = folder / "checkpoints" / name
        save_checkpoint(path, _saved(run, truth, path))
        if old_sidecars:
            sidecar = path.with_name(f"{path.stem}.metadata.yaml")
            sidecar.write_text(yaml.safe_dump(_old_callback(truth)), encoding="utf-8")
        yield truth


def _truth(run: Run, number: int, name: str) -> Truth:
    epoch, hmean = 4 - number, round(0.8 - 0.01 * number, 6)
    metrics = {"recall": hmean - 0.02, "precision": hmean + 0.02, "hmean": hmean}
    return {
        "path": f"{run.folder}/checkpoints/{name}",
        "epoch": epoch,
        "global_step": (epoch + 1) * 103,
        "metrics": metrics if run.has_metrics else None,
        "monitor": run.monitor,
        "mode": run.mode,
        "score": hmean if run.mode == "max" else round(1 - hmean, 6),
        "architecture": run.architecture,
        "encoder": run.encoder,
        "decoder": run.decoder,
        "head": "db_head",
        "head_in": run.out,
        "decoder_in": CHANNELS[run.encoder],
        "decoder_inner": 256,
        "decoder_out": run.out,
    }


def _saved(run: Run, truth: Truth, path: Path) -> Saved:
    import torch

    # One element each, however large the shape: a file of some kilobytes.
    weights = OrderedDict(
        (name, torch.ones(1).expand(prod(shape)).view(shape))
        for name, shape in _shapes(run.encoder, run.decoder, run.out).items()
    )
    state = {
        "monitor": run.monitor,
        "best_model_score": torch.tensor(0.99),
        "best_model_path": "elsewhere/best.ckpt",
        "current_score": torch.tensor(truth["score"]),
        "best_k_models": {str(path): torch.tensor(truth["score"])},
    }
    key = f"UniqueModelCheckpoint{{'monitor': {run.monitor!r}, 'mode': {run.mode!r}}}"
    extra: dict[str, object] = {"state_dict": weights, "callbacks": {key: state}}
    if truth["metrics"]:
        extra["cleval_metrics"] = truth["metrics"]
    return Saved(truth["epoch"], truth["global_step"], lightning="2.5.5", extra=extra)


def _old_callback(truth: Truth) -> Truth:
    """Return what the old callback wrote: the next epoch, another file's metrics, no model."""
    unknown = {"name": "unknown", "params": {}}
    return {
        "schema_version": "1.0",
        "checkpoint_path": truth["path"],
        "exp_name": "uniq",
        "created_at": "2025-10-01T06:26:40",
        "training": {"epoch": truth["epoch"] + 1, "global_step": 1, "training_phase": "training"},
        "model": {
            "architecture": "unknown",
            "encoder": {"model_name": "unknown", "pretrained": True, "frozen": False},
            "decoder": {**unknown, "in_channels": []},
            "head": unknown,
            "loss": unknown,
        },
        "metrics": {
            "precision": 0.125,
            "recall": 0.115,
            "hmean": 0.135,
            "additional_metrics": {"batch_0/hmean": 0.135, "val/hmean": 0.75},
        },
        "checkpointing": {"monitor": "val/hmean", "mode": "max", "save_top_k": 1},
    }
