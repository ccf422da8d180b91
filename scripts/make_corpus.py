"""Write small real checkpoints, and beside each what `torch.load` says of it, as JSON.

Run it with the Python of any torch version; it needs nothing else and understands old ones:

    python scripts/make_corpus.py tests/corpus/checkpoints

A case is a function here, or simply a new file with its JSON in that folder.
"""

from __future__ import annotations

import collections
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import torch

VERSION = torch.__version__.split("+")[0]


def _module():  # noqa: ANN202 - also read by Python 3.7
    torch.manual_seed(0)
    return torch.nn.Sequential(
        collections.OrderedDict(
            conv=torch.nn.Conv2d(3, 4, 3), norm=torch.nn.BatchNorm2d(4), head=torch.nn.Linear(4, 2)
        )
    )


def lightning_like():  # noqa: ANN201
    """Return what Lightning saves, with the callback's scores as 0-dim tensors."""
    module = _module()
    optimizer = torch.optim.Adam(module.parameters())
    score = torch.tensor(0.8125)
    checkpoint = {
        "monitor": "val/hmean",
        "best_model_score": score,
        "best_k_models": {"a.ckpt": torch.tensor(0.75), "b.ckpt": score},
    }
    return {
        "epoch": 7,
        "global_step": 1234,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": module.state_dict(),
        "loops": {"fit_loop": {"epoch_progress": {"total": {"ready": 8}}}},
        "callbacks": {"ModelCheckpoint": checkpoint},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 1e-3, "layers": [1, 2], "name": "dbnet", "none": None},
        "cleval_metrics": {"recall": torch.tensor(0.5), "hmean": 0.25},
    }


def weights_only():  # noqa: ANN201
    """Return what `save_weights_only` leaves."""
    whole = lightning_like()
    for key in ("callbacks", "optimizer_states", "lr_schedulers"):
        del whole[key]
    return whole


def state_dict():  # noqa: ANN201
    """Return nothing but weights."""
    return _module().state_dict()


def dtypes():  # noqa: ANN201
    """Return one 0-dim value and one tensor of each dtype that this torch can save."""
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()  # noqa: SIM905
    kinds = [getattr(torch, name) for name in names if hasattr(torch, name)]
    return {
        "state_dict": {str(kind)[6:]: torch.ones(2, 3).to(kind) for kind in kinds},
        "values": {str(kind)[6:]: torch.arange(4).to(kind)[3] for kind in kinds},
    }


def tied():  # noqa: ANN201
    """Return tied weights, views and a parameter."""
    base = torch.arange(12.0)
    return {
        "state_dict": {
            "a": base.view(3, 4),
            "tied": base.view(3, 4),
            "view": base[2:6],
            "parameter": torch.nn.Parameter(torch.zeros(5)),
        }
    }


def lightning():  # noqa: ANN201
    """Return what the installed Lightning saves after two steps, with a config of OmegaConf."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.demos.boring_classes import BoringModel
    from omegaconf import OmegaConf

    class Model(BoringModel):
        """Saves its hyper-parameters."""

        def __init__(self, config, width=32):  # noqa: ANN001, ANN204, ARG002 - saved from the frame
            super().__init__()
            self.save_hyperparameters()

        def training_step(self, batch, batch_idx):  # noqa: ANN001, ANN202
            loss = super().training_step(batch, batch_idx)
            self.log("train_loss", loss["loss"])
            return loss

    with tempfile.TemporaryDirectory() as folder:
        saver = ModelCheckpoint(folder, monitor="train_loss", filename="best")
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(max_epochs=1, limit_train_batches=2, callbacks=[saver], **quiet)
        trainer.fit(Model(OmegaConf.create({"lr": 1e-3, "copy": "${lr}", "sizes": [1, 2]})))
        return torch.load(saver.best_model_path, weights_only=False)


CASES = (lightning_like, weights_only, state_dict, dtypes, tied)


def plain(value):  # noqa: ANN001, ANN201
    """Return a loaded value as JSON can hold it."""
    if isinstance(value, torch.Tensor):
        return value.item()
    if type(value).__name__ in ("DictConfig", "ListConfig"):
        from omegaconf import OmegaConf

        return OmegaConf.to_container(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def expectation(path: Path):  # noqa: ANN201
    """Return what torch itself loads, in the words of `CheckpointContents`."""
    options = {} if VERSION.startswith("1.") else {"weights_only": False}
    loaded = torch.load(str(path), map_location="cpu", **options)
    weights = loaded.get("state_dict", loaded)
    told = {
        "tensors": [[k, list(v.shape), str(v.dtype)[6:]] for k, v in weights.items()],
        "custom": {},
    }
    if weights is loaded:
        return told
    for name in ("epoch", "global_step", "loops", "hyper_parameters"):
        told[name] = plain(loaded.get(name))
    told["lightning_version"] = loaded.get("pytorch-lightning_version")
    told["callbacks"] = plain(loaded.get("callbacks", {}))
    told["weights_only"] = "optimizer_states" not in loaded
    told["custom"] = {k: plain(loaded[k]) for k in ("cleval_metrics", "values") if k in loaded}
    return told


def write(path: Path, value, **options) -> None:  # noqa: ANN001, ANN003
    """Write one case and its expectation."""
    torch.save(value, str(path), **options)
    text = json.dumps(expectation(path), indent=1, sort_keys=True)
    path.with_suffix(path.suffix + ".json").write_text(text + "\n")
    print(path.name, path.stat().st_size)


def main(folder: Path) -> None:
    """Write every case in both formats, as far as this torch knows them."""
    folder.mkdir(parents=True, exist_ok=True)
    old = [int(part) for part in VERSION.split(".")[:2]] < [1, 6]
    for make in CASES:
        name = f"{make.__name__}-torch-{VERSION}"
        if old:
            write(folder / f"{name}-legacy.ckpt", make())
            continue
        write(folder / f"{name}.ckpt", make())
        if make in (lightning_like, dtypes):
            legacy = folder / f"{name}-legacy.ckpt"
            write(legacy, make(), _use_new_zipfile_serialization=False)
    if importlib.util.find_spec("lightning"):
        write(folder / f"lightning-torch-{VERSION}.ckpt", lightning())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
