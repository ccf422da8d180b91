"""How fast checkpoints are read, beside torch.load and picklescan: `scripts/bench reader`."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import ZipFile

import torch
from figure import Figure, median_ms

from checkpoint_meta.readers.checkpoint import read_checkpoint, read_checkpoint_file
from checkpoint_meta.readers.fingerprint import read_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL, LARGE = 5_000_000, 2_000_000_000
LAYERS: Final = 100
"""Of the small and the large file: the same pickle but for its sizes."""

MANY: Final = 5000
CHECKPOINTS: Final = 100
MEMORY_MB: Final = 60
FLOOR_BYTES: Final = 1.2

RUN: Final = "import torch; torch.load({path!r}, mmap=True, weights_only=True)"
PEAK: Final = (
    "import re; from pathlib import Path;"
    "from checkpoint_meta.readers.checkpoint import read_checkpoint_file;"
    "read_checkpoint_file(Path({path!r}));"
    "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
)


def save(path: Path, size: int, layers: int) -> Path:
    """Write a checkpoint as Lightning does, of `size` bytes in `layers` tensors."""
    width = max(1, size // 4 // layers)
    score = torch.tensor(0.5)
    content = {
        "epoch": 3,
        "global_step": 400,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {f"model.layers.{n}.weight": torch.zeros(width) for n in range(layers)},
        "loops": {},
        "callbacks": {"ModelCheckpoint": {"best_model_score": score, "current_score": score}},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 1e-3, "name": "bench"},
    }
    torch.save(content, path)
    return path


class Counted(io.FileIO):
    """A file that counts what is read of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count."""
        data = super().read(-1 if size is None else size) or b""
        self.count += len(data)
        return data


def bytes_read(name: str, path: Path) -> Figure:
    """Compare what is read with what must be: the directory and the pickle."""
    with Counted(path) as stream:
        read_checkpoint(stream, path)
        count = stream.count
    with ZipFile(path) as archive:
        directory = path.stat().st_size - archive.start_dir
        pickle = archive.getinfo(f"{path.stem}/data.pkl").file_size
    floor = directory + pickle
    return Figure(f"bytes read, {name}", count, floor, "bytes", 1 / FLOOR_BYTES, "floor")


def process_ms(arguments: list[str], runs: int = 5) -> float:
    """Return the median time of a whole process."""
    run = partial(subprocess.run, arguments, check=True, stdout=subprocess.DEVNULL)
    return median_ms(run, runs)


def against_torch(large: Path) -> Iterator[Figure]:
    """Compare with torch.load in its kinds, on the large file."""
    ours = median_ms(partial(read_checkpoint_file, large), 50)
    load = partial(torch.load, large, weights_only=True)
    yield Figure("read 2 GB", ours, median_ms(load, 3), "ms", 300, "torch.load")
    mapped = median_ms(partial(load, mmap=True), 20)
    yield Figure("read 2 GB", ours, mapped, "ms", 1, "torch.load(mmap=True)")
    command = [str(Path(sys.executable).with_name("ckpt-meta")), "show", str(large)]
    peer = [sys.executable, "-c", RUN.format(path=str(large))]
    yield Figure("show, the process", process_ms(command), process_ms(peer), "ms", 6, "torch")
    code = PEAK.format(path=str(large))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak = int(done.stdout) / 1000
    yield Figure("memory, the process", peak, MEMORY_MB, "MB", 1, "aim")


def many_small(folder: Path) -> Figure:
    """Compare over a folder of small checkpoints: the time of each, one process."""
    paths = [save(folder / f"{n}.ckpt", 50_000, 20) for n in range(CHECKPOINTS)]

    def each(read: Callable[[Path], object]) -> float:
        return median_ms(lambda: [read(path) for path in paths], 3) / len(paths)

    peer = each(partial(torch.load, weights_only=True))
    return Figure("each of many small", each(read_checkpoint_file), peer, "ms", 1, "torch.load")


def picklescan(paths: list[Path]) -> Iterator[Figure]:
    """Compare with picklescan, if it is installed."""
    if importlib.util.find_spec("picklescan") is None:
        return
    scanner = importlib.import_module("picklescan.scanner")
    for path in paths:
        ours = median_ms(partial(read_checkpoint_file, path), 20)
        peer = median_ms(partial(scanner.scan_file_path, str(path)), 10)
        yield Figure(f"scan {path.stem}", ours, peer, "ms", 2, "picklescan")


def figures() -> Iterator[Figure]:
    """Yield the figures of the reader, on files that are deleted afterwards."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = save(folder / "small.ckpt", SMALL, LAYERS)
        large = save(folder / "large.ckpt", LARGE, LAYERS)
        many = save(folder / "many.ckpt", SMALL, MANY)
        yield bytes_read("5 MB", small)
        yield bytes_read("2 GB", large)
        same = [median_ms(partial(read_checkpoint_file, path), 50) for path in (large, small)]
        yield Figure("time at 2 GB and at 5 MB", *same, "ms", 0.8, "5 MB")
        yield from against_torch(large)
        ours = median_ms(partial(read_checkpoint_file, many), 10)
        load = median_ms(partial(torch.load, many, weights_only=True), 5)
        yield Figure("read 5,000 tensors", ours, load, "ms", 2, "torch.load")
        yield many_small(folder)
        fingerprint = median_ms(partial(read_fingerprint, large), 100)
        yield Figure("fingerprint alone", fingerprint, 1, "ms", 1, "aim")
        yield from picklescan([small, large, many])
