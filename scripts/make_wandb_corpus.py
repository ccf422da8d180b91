"""Write what an offline run of W&B's client leaves, and beside it what was logged, as JSON.

Run it with the Python of any wandb from 0.12 on; it needs nothing else:

    python scripts/make_wandb_corpus.py tests/corpus/wandb

A new version is a new file with its JSON in that folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

PLACE = Path("/var/tmp/ocr-run")  # noqa: S108 - it stands in the files that are written
"""Where the run is logged."""

os.environ.update(
    WANDB_CACHE_DIR=str(PLACE),
    WANDB_DATA_DIR=str(PLACE),
    WANDB_MODE="offline",
    WANDB_SILENT="true",
    WANDB_CONSOLE="off",
    WANDB_DISABLE_GIT="true",
    WANDB_DISABLE_CODE="true",
    # Neither this machine's name nor its paths; older and newer names of the same settings.
    WANDB_HOST="host",
    WANDB__DISABLE_META="true",
    WANDB__DISABLE_STATS="true",
    WANDB_X_DISABLE_META="true",
    WANDB_X_DISABLE_STATS="true",
    WANDB_X_DISABLE_MACHINE_INFO="true",
)

import wandb  # noqa: E402 - after the settings that it reads

RUN = {"entity": "team", "project": "ocr", "id": "1a2b3c4d"}
CONFIG = {
    "lr": 1e-4,
    "trainer": {"max_epochs": 3},
    "model": {"architecture": "dbnet", "encoder": {"model_name": "resnet18"}},
}
LATER = {"seed": 7}

LONG = "x" * 33_000
"""A text over a block of 32,768 bytes, so that its record is in several parts."""

ROWS = [
    {"train_loss": 0.5, "epoch": 0, "trainer/global_step": 9},
    {"val/hmean": 0.75, "val_loss": float("nan"), "epoch": 0, "trainer/global_step": 9},
    {"val/hmean": 0.8125, "val_loss": 1e-7, "epoch": 1, "trainer/global_step": 19},
    {"nested": {"iou": 0.5, "deep": {"er": 2}}, "epoch": 1, "trainer/global_step": 19},
    {"text": LONG, "a key with \u00e9 and spaces": -3.5, "epoch": 2, "trainer/global_step": 20},
    {"by hand": 1.0, "trainer/global_step": 20},
    {"val/hmean": float("inf"), "val_loss": 2.0, "epoch": 2, "trainer/global_step": 29},
]


def main(folder: Path) -> None:
    """Write the run's file and its JSON into `folder`."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    os.chdir(PLACE)
    started = time.time()
    _log(PLACE)
    # Newer clients have a process of their own that writes; it ends here.
    getattr(wandb, "teardown", lambda: None)()
    (log,) = PLACE.glob("wandb/offline-run-*/run-1a2b3c4d.wandb")
    for private in (str(Path.home()), str(Path(sys.executable).parent)):
        if private.encode() in log.read_bytes():
            sys.exit(f"the log of wandb {wandb.__version__} tells {private!r}")
    target = folder / f"wandb-{wandb.__version__}.wandb"
    shutil.copyfile(log, target)
    truth = _truth(started)
    shutil.rmtree(PLACE, ignore_errors=True)
    text = json.dumps(truth, indent=1, sort_keys=True)
    target.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def _log(place: Path) -> None:
    run = wandb.init(dir=str(place), config=CONFIG, **RUN)
    # As Lightning's WandbLogger does.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    run.config.update(LATER)
    for row in ROWS:
        run.log(dict(row))
    (place / "weights.ckpt").write_bytes(b"weights")
    artifact = wandb.Artifact("model-1a2b3c4d", "model", metadata={"score": 0.75})
    artifact.add_file(str(place / "weights.ckpt"), name="model.ckpt")
    run.log_artifact(artifact)
    run.finish()


def _truth(started: float) -> dict[str, object]:
    digest = base64.b64encode(hashlib.md5(b"weights").digest()).decode()  # noqa: S324 - W&B's own
    return {
        **RUN,
        "config": {**CONFIG, **LATER},
        "rows": [_row(row) for row in ROWS],
        "files": [["model.ckpt", digest, len(b"weights"), {"score": 0.75}]],
        "started": [int(started) - 1, int(time.time()) + 1],
    }


def _row(row: dict[str, object]) -> list[object]:
    """Return the step, and the numbers by name; what JSON has no number for as text."""
    numbers = {name: value for name, value in _flat(row) if isinstance(value, (int, float))}
    shown = {
        name: value if abs(value) < float("inf") else str(value) for name, value in numbers.items()
    }
    return [shown.pop("trainer/global_step"), shown]


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
