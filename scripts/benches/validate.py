"""How fast the gate is: `scripts/bench validate`.

Peers: the pure-Python parser and a pydantic model over the same sidecars, which judge no more than
their types; and the same with torch.load of each checkpoint, which a gate without a reader of its
own would need.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from cost import Cost, cost_of
from figure import Figure

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY, FEW = 10_000, 1000
PER_RUN: Final = 50
TENSORS: Final = 878
SAMPLE: Final = 200
"""Files that a peer reads; it takes too long to read them all."""

MEMORY_MB: Final = 100

PEER: Final = """
import sys, time
from pathlib import Path
import yaml
from checkpoint_meta.schema.v2 import CheckpointMetadata
suffix = ".metadata.yaml"
files = sorted(Path(sys.argv[1]).rglob("*" + suffix))[:int(sys.argv[2])]
load = lambda path: None
if sys.argv[3] == "torch":
    import torch
    load = lambda path: torch.load(path, map_location="cpu", weights_only=True)
started = time.perf_counter()
for file in files:
    load(file.with_name(file.name.removesuffix(suffix) + ".ckpt"))
    CheckpointMetadata.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
print((time.perf_counter() - started) / len(files))
"""


def make_outputs(root: Path, count: int, tensors: int) -> Path:
    """Write so many checkpoints with right sidecars; each run's files are links to the first's."""
    first = root / "run-0" / "checkpoints"
    first.mkdir(parents=True)
    weights = {f"layers.{number}.weight": torch.zeros(2, 2) for number in range(tensors)}
    for epoch in range(PER_RUN):
        content = {"epoch": epoch, "global_step": epoch * 100, "state_dict": weights}
        metrics = {"cleval_metrics": dict.fromkeys(("precision", "recall", "hmean"), epoch / 50)}
        path = first / f"epoch={epoch}-step={epoch * 100}.ckpt"
        torch.save(content | metrics | {"pytorch-lightning_version": "2.6.6"}, path)
    list(convert(iter_checkpoints(first)))
    for run in range(1, count // PER_RUN):
        folder = root / f"run-{run}" / "checkpoints"
        folder.mkdir(parents=True)
        for file in first.iterdir():
            if file.suffix == ".ckpt":
                (folder / file.name).hardlink_to(file)
            else:
                shutil.copy(file, folder)
    return root


def validating(root: Path, *options: str) -> Cost:
    """Return what validating a folder takes, as the user's command."""
    return cost_of(sys.executable, "-m", "checkpoint_meta", "validate", str(root), "-q", *options)


def peer(root: Path, count: int, kind: str) -> float:
    """Return the seconds that a peer would take for all of them on one core."""
    return float(cost_of(sys.executable, "-c", PEER, str(root), str(SAMPLE), kind).output) * count


def figures() -> Iterator[Figure]:
    """Yield every figure."""
    with tempfile.TemporaryDirectory() as folder:
        many = make_outputs(Path(folder) / "many", MANY, tensors=2)
        typed = peer(many, MANY, "types only")
        yaml = "yaml.safe_load + pydantic on one core"
        ours = validating(many)
        yield Figure("validate 10,000, all rules", ours.seconds, typed, "s", 2, yaml)
        yield Figure("validate 10,000, a process", ours.memory_mb, MEMORY_MB, "MB", 1, "limit")
        files = validating(many, "--select", "CM1,CM2")
        yield Figure("validate 10,000, CM1 and CM2", files.seconds, typed, "s", 3, yaml)
        few = make_outputs(Path(folder) / "few", FEW, TENSORS)
        ours, loaded = validating(few), peer(few, FEW, "torch")
        yield Figure(
            f"validate 1,000 of {TENSORS} tensors",
            ours.seconds,
            loaded,
            "s",
            4,
            f"torch.load + {yaml}",
        )
