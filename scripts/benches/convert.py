"""How fast sidecars are back-filled, beside torch.load and PyYAML: `scripts/bench convert`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from cost import Cost, cost_of
from figure import Figure

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from checkpoint_meta.convert import convert  # noqa: E402 - the tests' helpers lie in ROOT
from checkpoint_meta.paths import iter_checkpoints  # noqa: E402
from checkpoint_meta.sources.log_cache import LOGS  # noqa: E402
from tests.conftest import Saved, save_checkpoint  # noqa: E402
from tests.sources.legacy import write_corpus  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL: Final = 1000
LARGE, LARGE_BYTES = 11, 200_000_000
ROWS, CHECKPOINTS = 100_000, 50
MEMORY_MB: Final = 100

CORPUS_TOOL: Final = (
    Path(os.environ.get("CHECKPOINT_META_SHARED", ROOT.parent / "shared"))
    / "legacy"
    / "tool"
    / "make_legacy_corpus.py"
)

LOAD_AND_DUMP: Final = """
import sys, time, warnings
from pathlib import Path
import torch, yaml
warnings.simplefilter("ignore")
torch.set_num_threads(1)
pairs = [(one, one.with_name(one.name.removesuffix(".metadata.yaml") + ".ckpt"))
         for one in sorted(Path(sys.argv[1]).rglob("*.metadata.yaml"))]
documents = [(path, yaml.load(one.read_text(), yaml.CSafeLoader)) for one, path in pairs]
started = time.perf_counter()
for path, document in documents:
    torch.load(path, map_location="cpu", weights_only=False)
    yaml.safe_dump(document)
print(time.perf_counter() - started)
"""
LOAD: Final = """
import sys
from pathlib import Path
import torch
for path in sorted(Path(sys.argv[1]).rglob("*.ckpt")):
    torch.load(path, map_location="cpu", weights_only=False)
"""


def converting(folder: Path, jobs: int = 2) -> Cost:
    """Return what converting a folder took, as the user's command."""
    command = (sys.executable, "-m", "checkpoint_meta", "convert", str(folder), "-q")
    return cost_of(*command, "--jobs", str(jobs))


def make_small(folder: Path) -> Path:
    """Write many small checkpoints with their Hydra files."""
    if CORPUS_TOOL.is_file():
        arguments = ("--out", str(folder), "--count", str(SMALL), "--share")
        cost_of(sys.executable, str(CORPUS_TOOL), *arguments)
        return folder / "outputs"
    outputs = folder / "outputs"
    made = len(write_corpus(outputs / "0", old_sidecars=False))
    for number in range(1, SMALL // made + 1):
        shutil.copytree(outputs / "0", outputs / str(number))
    return outputs


def many_small(folder: Path) -> Iterator[Figure]:
    """Compare two processes of ours with one that loads and dumps the same."""
    outputs = make_small(folder)
    first, second = converting(outputs), converting(outputs)
    peer = float(cost_of(sys.executable, "-c", LOAD_AND_DUMP, str(outputs)).output)
    number = len(list(outputs.rglob("*.ckpt")))
    name = f"{number:,} small checkpoints"
    loaded = "torch.load + yaml.safe_dump on one core"
    yield Figure(f"{name}, two cores", first.seconds, peer, "s", 3, loaded)
    yield Figure(f"{name}, again", second.seconds, first.seconds, "s", 5, "first run")
    limit = float(MEMORY_MB)
    yield Figure(f"{name}, a process", first.memory_mb, limit, "MB", 1, "limit")


def few_large(folder: Path) -> Iterator[Figure]:
    """Compare whole processes on checkpoints as large as real ones."""
    tensor = {"layer.weight": torch.ones(LARGE_BYTES // 4)}
    one = save_checkpoint(folder / "0" / "best.ckpt", Saved(extra={"state_dict": tensor}))
    for number in range(1, LARGE):
        (folder / str(number)).mkdir()
        os.link(one, folder / str(number) / "best.ckpt")
    peer = cost_of(sys.executable, "-c", LOAD, str(folder))
    ours = converting(folder)
    name = f"{LARGE} checkpoints of {LARGE_BYTES // 1_000_000} MB"
    yield Figure(name, ours.seconds, peer.seconds, "s", 5, "import torch and load each")
    yield Figure(f"{name}, memory", ours.memory_mb, peer.memory_mb, "MB", 10, "torch")


def one_long_log(folder: Path) -> Iterator[Figure]:
    """Count how often the logs of a run are parsed for all its checkpoints."""
    write_logs(folder / "version_0")
    for number in range(CHECKPOINTS):
        step = (number + 1) * ROWS // CHECKPOINTS
        loops = {
            "fit_loop": {
                "epoch_loop.state_dict": {"_batches_that_stepped": step},
                "epoch_progress": {"current": {"ready": number + 1, "processed": number + 1}},
            }
        }
        saved = Saved(number, step, score=None, monitor=None, extra={"loops": loops})
        save_checkpoint(folder / "version_0" / "checkpoints" / f"epoch={number}.ckpt", saved)
    before = LOGS.parses
    written = list(convert(iter_checkpoints(folder)))
    parses = LOGS.parses - before
    name = f"{len(written)} checkpoints, logs of {ROWS:,} rows"
    asked = float(2 * len(written))
    yield Figure(f"{name}, parses of 2 logs", parses, asked, "parses", asked / 2, "one each")


def write_logs(folder: Path) -> None:
    """Write a long metrics.csv and event file; one validation an epoch."""
    from torch.utils.tensorboard import SummaryWriter

    folder.mkdir(parents=True)
    an_epoch = ROWS // CHECKPOINTS
    with (folder / "metrics.csv").open("w", encoding="utf-8") as stream:
        stream.write("epoch,step,train_loss,val/hmean\n")
        for step in range(ROWS):
            stream.write(f"{step // an_epoch},{step},{1 / (step + 1)},\n")
            if step % an_epoch == an_epoch - 1:
                stream.write(f"{step // an_epoch},{step},,{step / ROWS}\n")
    writer = SummaryWriter(str(folder))
    for step, epoch in zip(range(ROWS), (one // an_epoch for one in count()), strict=False):
        writer.add_scalar("train_loss", 1 / (step + 1), step)
        writer.add_scalar("epoch", epoch, step)
    writer.close()


def figures() -> Iterator[Figure]:
    """Yield every figure of conversion."""
    for part in (many_small, few_large, one_long_log):
        with tempfile.TemporaryDirectory() as name:
            yield from part(Path(name))
