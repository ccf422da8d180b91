"""How fast checkpoints are listed: `scripts/bench list`.

Peers: the parser and model of the system that we replace, a loop that only reads the files, an
interpreter that imports typer and rich, and torch.load of each checkpoint.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import torch
import yaml
from figure import Figure

from checkpoint_meta import build_catalog, clear_global_cache
from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.v2 import CheckpointMetadata
from checkpoint_meta.store import render_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEW, MANY = 10_000, 100_000
PER_RUN: Final = 10
SAMPLE: Final = 500
"""Sidecars that the old way reads; it takes too long to read them all."""

LARGE: Final = 11
LARGE_BYTES: Final = 200_000_000
MEMORY_MB: Final = 100

START: Final = (sys.executable, "-c", "import typer, rich")
CKPT_META: Final = (sys.executable, "-m", "checkpoint_meta")
BEST: Final = ("--sort", "hmean", "--limit", "20", "--quiet")
READ: Final = """
import os, sys
def read(folder):
    for entry in list(os.scandir(folder)):
        if entry.is_dir(): read(entry.path)
        elif entry.name.endswith(".yaml"):
            with open(entry.path, "rb") as stream: stream.read()
read(sys.argv[1])
"""
LOAD: Final = """
import sys, torch
for path in sys.argv[1:]: torch.load(path, weights_only=False)
"""
PEAK: Final = """
import re, sys
from pathlib import Path
from checkpoint_meta.cli.main import make_app
try: make_app("list")()
except SystemExit: pass
status = Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
"""


def document(run: int, epoch: int) -> dict[str, object]:
    """Return a sidecar as `convert` writes it."""
    hmean = round(0.5 + (run * 7919 + epoch * 104729) % 10_000 / 25_000, 6)
    logged = {"val/hmean": hmean, "val/precision": hmean, "val/recall": hmean, "train/loss": 0.41}
    return {
        "schema_version": "2.0",
        "checkpoint_path": f"epoch={epoch}.ckpt",
        "exp_name": f"run-{run}",
        "created_at": "2026-11-23T21:09:00Z",
        "checkpoint": {"format": "torch-zip", "size_bytes": 64, "mtime_ns": 10**18},
        "training": {"epoch": epoch, "global_step": epoch * 100, "max_epochs": 30},
        "model": {
            "architecture": "dbnet",
            "encoder": {"model_name": "resnet18", "pretrained": True},
            "decoder": {"name": "pan_decoder", "in_channels": [64, 128, 256, 512]},
            "head": {"name": "db_head", "in_channels": 256},
            "parameters": {"count": 12345678, "bytes": 49382712},
        },
        "metrics": {"precision": hmean, "recall": hmean, "hmean": hmean}
        | {"additional_metrics": logged},
        "checkpointing": {"monitor": "val/hmean", "mode": "max", "score": hmean, "save_top_k": 3},
        "hyperparameters": {"lr": 0.001, "batch_size": 16},
        "environment": {"lightning": "2.6.6"},
        "written_by": {"tool": "checkpoint-meta", "version": "0.1.0", "how": "convert"},
        "provenance": [
            {"source": "checkpoint", "fields": ["training.epoch", "metrics.hmean"]},
            {"source": "hydra", "location": "../.hydra/config.yaml", "fields": ["exp_name"]},
        ],
    }


def make_outputs(root: Path, count: int) -> Path:
    """Write so many small files that stand for checkpoints, each with its sidecar."""
    texts = [render_sidecar(document(0, epoch)) for epoch in range(PER_RUN)]  # type: ignore[arg-type]
    for run in range(count // PER_RUN):
        folder = root / f"run-{run:05d}" / "checkpoints"
        folder.mkdir(parents=True)
        (folder.parent / ".hydra").mkdir()
        for epoch, text in enumerate(texts):
            old = str(document(0, epoch)["metrics"]["hmean"])  # type: ignore[index]
            new = str(document(run, epoch)["metrics"]["hmean"])  # type: ignore[index]
            checkpoint = folder / f"epoch={epoch}.ckpt"
            checkpoint.write_bytes(b"x" * 64)
            os.utime(checkpoint, ns=(10**18, 10**18))
            sidecar = folder / f"epoch={epoch}.metadata.yaml"
            sidecar.write_text(text.replace("run-0", f"run-{run}").replace(old, new))
    return root


def median_s(action: Callable[[], object], runs: int) -> float:
    """Return the median time of an action in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return median(times)


def paired_s(
    ours: Callable[[], object], peer: Callable[[], object], runs: int
) -> tuple[float, float]:
    """Return the median times of two actions, run in turn: what slows one slows the other too."""
    times = [(median_s(ours, 1), median_s(peer, 1)) for _ in range(runs)]
    return median(own for own, _ in times), median(other for _, other in times)


def process(*command: str) -> Callable[[], object]:
    """Return an action that runs a command to its end."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def old_way(root: Path) -> float:
    """Return the seconds that pure-Python YAML and a model would take for all files below root."""
    files = [file for _, file in zip(range(SAMPLE), root.rglob("*.yaml"), strict=False)]

    def read() -> None:
        for file in files:
            CheckpointMetadata.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))

    return median_s(read, 3) / len(files)


def figures() -> Iterator[Figure]:
    """Yield every figure."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHECKPOINT_META_CACHE"] = f"{folder}/cache"
        # Ours is compiled once, as the peers' packages were when they were installed.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield from start_up()
        yield from many(Path(folder))
        yield from large(Path(folder))


def start_up() -> Iterator[Figure]:
    """Yield what it takes to say anything at all."""
    for option in ("--help", "--version"):
        ours, base = paired_s(process(*CKPT_META, option), process(*START), 9)
        yield Figure(f"start {option}", ours, base, "s", 1 / 3, "import typer, rich")


def many(folder: Path) -> Iterator[Figure]:
    """Yield how long lists of many checkpoints take, with the index and without it."""
    few = make_outputs(folder / "few", FEW)
    command = (*CKPT_META, "list", str(few), *BEST)
    reading = process(sys.executable, "-c", READ, str(few))
    reading()
    plain, floor = paired_s(process(*command, "--no-index"), reading, 7)
    yield Figure("list 10,000, no index", plain, old_way(few) * FEW, "s", 10, "yaml.safe_load")
    yield Figure("list 10,000, no index", plain, floor, "s", 1 / 6, "reading only")
    yield from indexed("list 10,000, warm index", few, 1 / 5)
    yield from indexed("list 100,000, warm index", make_outputs(folder / "many", MANY), 1 / 15)
    measured = (sys.executable, "-c", PEAK, "list", str(folder / "many"), *BEST)
    printed = subprocess.run(measured, check=True, capture_output=True, text=True).stderr
    peak = int(re.findall(r"\d+", printed)[-1]) / 1000
    yield Figure("list 100,000, peak memory", peak, MEMORY_MB, "MB", 1, "the promise")


def indexed(name: str, root: Path, aim: float) -> Iterator[Figure]:
    """Yield how long a list takes of which nothing changed."""
    time.sleep(2.5)  # What changed within two seconds is not kept.
    command = (*CKPT_META, "list", str(root), *BEST)
    process(*command)()
    ours, base = paired_s(process(*command), process(*START), 7)
    yield Figure(name, ours, base, "s", aim, "import typer, rich")


def large(folder: Path) -> Iterator[Figure]:
    """Yield what a UI waits for that shows a few large checkpoints."""
    root = folder / "large"
    root.mkdir()
    weights = torch.zeros(LARGE_BYTES // 4)
    for epoch in range(LARGE):
        content = {"epoch": epoch, "global_step": epoch, "state_dict": {"layer.weight": weights}}
        torch.save(content | {"pytorch-lightning_version": "2.6.6"}, root / f"epoch={epoch}.ckpt")
    paths = sorted(map(str, root.glob("*.ckpt")))
    load = median_s(lambda: [torch.load(path, weights_only=False) for path in paths], 3)
    build_catalog(root, use_cache=False)
    without = median_s(lambda: build_catalog(root, use_cache=False), 5)
    yield Figure("catalog of 11 x 200 MB, no sidecars", without, load, "s", 8, "torch.load")
    whole = median_s(process(sys.executable, "-c", LOAD, *paths), 3)
    ours = median_s(process(*CKPT_META, "list", str(root), "--no-index"), 3)
    yield Figure(
        "list 11 x 200 MB, whole process", ours, whole, "s", 5, "torch.load, whole process"
    )
    list(convert(iter_checkpoints(root)))
    clear_global_cache()
    described = median_s(lambda: build_catalog(root, use_cache=False), 5)
    yield Figure("catalog of 11 x 200 MB, sidecars", described, load, "s", 40, "torch.load")
