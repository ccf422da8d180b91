"""Many W&B runs beside many checkpoints: each log is parsed once."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources import log_cache, wandb_index
from checkpoint_meta.sources.log_cache import LogCache
from checkpoint_meta.sources.logs import LogsSource
from checkpoint_meta.sources.run_logs import LogFiles, LogKind
from tests.conftest import Saved, save_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_meta.evidence import FieldPath, JSONValue

RUNS, CHECKPOINTS = 300, 10


def _block(number: int, payload: bytes) -> bytes:
    return bytes([*_varint(number << 3 | 2), *_varint(len(payload))]) + payload


def _varint(value: int) -> list[int]:
    return [value] if value < 128 else [value & 127 | 128, *_varint(value >> 7)]


def _write_run(folder: Path, run_id: str, row: dict[str, float]) -> Path:
    """Write the log of a run with one row, as W&B does."""
    items = [_block(1, name.encode()) + _block(16, json.dumps(row[name]).encode()) for name in row]
    record = _block(2, b"".join(_block(1, item) for item in items))
    crc = zlib.crc32(b"\x01" + record)
    file = folder / "wandb" / f"offline-run-20250101_000000-{run_id}" / f"run-{run_id}.wandb"
    file.parent.mkdir(parents=True)
    file.write_bytes(b":W&B\xe1\xbe\x00" + struct.pack("<IHB", crc, len(record), 1) + record)
    return file


def _row(step: int, score: float) -> dict[str, float]:
    return {"trainer/global_step": step, "epoch": 3, "val/hmean": score}


def _save(folder: Path, number: int) -> CheckpointFile:
    """Write a checkpoint that saved at the end of an epoch, `number` steps after the 400th."""
    loops = {
        "fit_loop": {
            "epoch_loop.state_dict": {"_batches_that_stepped": 400 + number},
            "epoch_progress": {"current": {"ready": 4, "processed": 4}},
        }
    }
    path = folder / "outputs" / f"out{number}" / "checkpoints" / "a.ckpt"
    saved = Saved(score=number / 16, extra={"loops": loops})
    return CheckpointFile(save_checkpoint(path, saved))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> LogCache:
    """Return an empty cache that everything uses."""
    cache = LogCache()
    monkeypatch.setattr("checkpoint_meta.sources.judged_logs.LOGS", cache)
    monkeypatch.setattr(wandb_index, "LOGS", cache)
    return cache


def _collect(checkpoint: CheckpointFile, source: LogsSource) -> dict[FieldPath, JSONValue]:
    return {key: one for part in source.collect(checkpoint) for key, one in part.values.items()}


def test_each_of_many_runs_is_parsed_once(tmp_path: Path, cache: LogCache) -> None:
    """However many checkpoints lie beside however many runs, no log is parsed again."""
    for number in range(RUNS):
        _write_run(tmp_path, f"id{number:06}", _row(399 + number, number / 16))
    checkpoints = [_save(tmp_path, number) for number in range(CHECKPOINTS)]
    source = LogsSource()

    found = [_collect(one, source)["wandb", "run_id"] for one in checkpoints]
    again = [_collect(one, LogsSource())["wandb", "run_id"] for one in checkpoints]

    assert found == again == [f"id{number:06}" for number in range(CHECKPOINTS)]
    assert cache.parses == RUNS


def test_little_memory_costs_one_more_parse_of_the_right_run(
    tmp_path: Path, cache: LogCache
) -> None:
    """Where the rows do not fit into memory, only the runs that may be the right one come back."""
    cache.most_bytes = 1
    for number in range(RUNS):
        _write_run(tmp_path, f"id{number:06}", _row(399 + number, number / 16))
    source = LogsSource()

    for number in range(CHECKPOINTS):
        _collect(_save(tmp_path, number), source)

    assert cache.parses == RUNS + CHECKPOINTS


def test_runs_that_say_nothing_of_a_checkpoint_are_ambiguous(tmp_path: Path) -> None:
    """A run is not the checkpoint's for being the only one left after a glance at its steps."""
    for number in (1, 2):
        _write_run(tmp_path, f"id{number}", _row(7 * number, 0.5))

    (fragment,) = LogsSource().collect(_save(tmp_path, 0))

    assert fragment.values == {}
    assert "ambiguous between id1, id2" in "\n".join(fragment.notes)


def test_a_run_that_went_on_is_parsed_anew(tmp_path: Path) -> None:
    """What is remembered of a run holds as long as its file stays as it was."""
    file = _write_run(tmp_path, "id1", _row(7, 0.5))
    _write_run(tmp_path, "id2", _row(8, 0.5))
    checkpoint = _save(tmp_path, 8)
    assert _collect(checkpoint, LogsSource()) == {}

    newer = _write_run(tmp_path / "other", "id1", _row(407, 0.5))
    file.write_bytes(newer.read_bytes())
    os.utime(file, ns=(1, 1))

    assert _collect(checkpoint, LogsSource())["wandb", "run_id"] == "id1"


def test_a_thousand_broken_runs_are_told_in_few_words(tmp_path: Path) -> None:
    """Some broken logs are named, the others counted."""
    for number in range(20):
        _write_run(tmp_path, f"id{number:02}", {}).write_bytes(b"")

    notes = [said for one in LogsSource().collect(_save(tmp_path, 0)) for said in one.faults]

    assert sum("not a W&B log" in note for note in notes) == 6
    assert "W&B: 14 more runs cannot be read" in notes


def test_the_cache_counts_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running total of its bytes is the sum of what is left."""
    monkeypatch.setattr(log_cache, "MOST_LOGS", 3)
    cache = LogCache()

    for number in range(5):
        file = _write_run(tmp_path, f"id{number}", _row(number, 0.5))
        cache.read(LogFiles(LogKind.WANDB, (file,)))

    assert len(cache._kept) == 3
    assert cache._bytes == sum(one.size_bytes for one in cache._kept.values())
