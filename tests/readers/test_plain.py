"""Hyper-parameters and their like, as plain data."""

from __future__ import annotations

import enum
import math
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import torch
from omegaconf import OmegaConf

from checkpoint_meta.readers.checkpoint import read_checkpoint_file

if TYPE_CHECKING:
    from pathlib import Path


class Color(enum.Enum):
    """A member is pickled by its value."""

    RED = "red"


@dataclass
class Schedule:
    """A dataclass of a training script."""

    warmup: int = 5


class Settings(dict[str, object]):
    """A dict with another name."""


def test_the_plain_view(tmp_path: Path) -> None:
    """What hyper-parameters hold is shown as plain data."""
    path = tmp_path / "x.ckpt"
    hparams = {
        "config": OmegaConf.create({"lr": 1e-3, "copy": "${lr}", "todo": "???", "n": [1, None]}),
        "namespace": Namespace(batch=8),
        "scalar": np.float32(0.5),
        "array": np.arange(6).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "large": np.zeros((100, 100), dtype=np.float16),
        "enum": Color.RED,
        "dataclass": Schedule(),
        "path": PurePosixPath("/data/x"),
        "when": datetime(2025, 10, 18, 1, 2, 3, tzinfo=UTC),
        "id": UUID(int=5),
        "device": torch.device("cuda", 1),
        "dtype": torch.float16,
        "class": torch.nn.ReLU,
        "dict": Settings(a=1),
        "bytes": b"\x00\xff",
        "set": {3, 1, 2},
        "tuple": (1, "a"),
        "complex": 1 + 2j,
        "tensor": torch.zeros(2, 2),
        3: "three",
        (1, "a"): "pair",
    }
    torch.save({"hyper_parameters": hparams}, path)

    assert read_checkpoint_file(path).hyper_parameters == {
        "config": {"lr": 1e-3, "copy": "${lr}", "todo": "???", "n": [1, None]},
        "namespace": {"batch": 8},
        "scalar": 0.5,
        "array": [[0, 1, 2], [3, 4, 5]],
        "columns": [[0, 1, 2], [3, 4, 5]],
        "large": {"class": "numpy.ndarray", "dtype": "float16", "shape": [100, 100]},
        "enum": "red",
        "dataclass": {"class": f"{__name__}.Schedule", "state": {"warmup": 5}},
        "path": "/data/x",
        "when": "2025-10-18T01:02:03+00:00",
        "id": "00000000-0000-0000-0000-000000000005",
        "device": "cuda:1",
        "dtype": "torch.float16",
        "class": "torch.nn.modules.activation.ReLU",
        "dict": {"a": 1},
        "bytes": {"class": "bytes", "size": 2},
        "set": [1, 2, 3],
        "tuple": [1, "a"],
        "complex": "(1+2j)",
        "tensor": {"class": "torch.Tensor", "dtype": "float32", "shape": [2, 2]},
        "3": "three",
        "(1, a)": "pair",
    }


def test_values_that_no_number_holds_are_text(tmp_path: Path) -> None:
    """NaN and infinities are written as text, since JSON has none."""
    path = tmp_path / "x.ckpt"
    torch.save({"metrics": [torch.tensor(math.nan), torch.tensor(-math.inf), math.inf]}, path)

    assert read_checkpoint_file(path).custom["metrics"] == ["nan", "-inf", "inf"]
