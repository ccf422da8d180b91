"""Real files for every test: checkpoints in Lightning's shape, runs as Hydra leaves them."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import hypothesis
import pytest
import yaml_rs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-goldens`, which writes what is printed now as what is expected."""
    parser.addoption("--update-goldens", action="store_true", help="rewrite expected outputs")


# No test fails because a machine is slow.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let the tests' processes be interrupted: a shell's background jobs ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Saved:
    """What a checkpoint is made to hold; written by the real `torch.save`."""

    epoch: int = 3
    global_step: int = 400
    monitor: str | None = "val/hmean"
    mode: str = "max"
    score: float | None = 0.875
    lightning: str = "2.6.6"
    hyper_parameters: Mapping[str, object] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


def save_checkpoint(path: Path, saved: Saved | None = None) -> Path:
    """Write a checkpoint with the keys that Lightning writes, and return its path."""
    import torch

    given = saved or Saved()
    score = None if given.score is None else torch.tensor(given.score)
    # Not the real folder, whose length would change the size of the file.
    stored = f"run/checkpoints/{path.name}"
    state_key = f"ModelCheckpoint{{'monitor': {given.monitor!r}, 'mode': {given.mode!r}}}"
    state = {
        "monitor": given.monitor,
        "best_model_score": score,
        "best_model_path": stored,
        "current_score": score,
        "best_k_models": {} if score is None else {stored: score},
        "last_model_path": "",
    }
    content: dict[str, object] = {
        "epoch": given.epoch,
        "global_step": given.global_step,
        "pytorch-lightning_version": given.lightning,
        "state_dict": {"layer.weight": torch.ones(2, 3), "layer.bias": torch.zeros(2)},
        "loops": {},
        "callbacks": {state_key: state},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2, 3)}}}],
        "lr_schedulers": [],
        **given.extra,
    }
    if given.hyper_parameters is not None:
        content |= {"hparams_name": "kwargs", "hyper_parameters": dict(given.hyper_parameters)}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


HYDRA_CONFIG = """\
exp_name: demo
trainer: {max_epochs: 30}
model:
  architecture: dbnet
  encoder: {model_name: resnet18, pretrained: true}
callbacks:
  model_checkpoint:
    _target_: lightning.pytorch.callbacks.ModelCheckpoint
    monitor: val/hmean
    mode: max
    save_top_k: 3
    save_last: true
"""


def make_run(run: Path, config: str = HYDRA_CONFIG) -> Path:
    """Write Hydra's files of a run, and return its folder."""
    (run / ".hydra").mkdir(parents=True)
    (run / ".hydra" / "config.yaml").write_text(config, encoding="utf-8")
    (run / ".hydra" / "overrides.yaml").write_text("- exp_name=demo\n", encoding="utf-8")
    return run


@pytest.fixture(scope="session")
def _outputs_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("template") / "outputs"
    checkpoints = make_run(outputs / "2026-11-23" / "21-09-00") / "checkpoints"
    for epoch, hmean in ((1, 0.75), (2, 0.875), (3, 0.8125)):
        metrics = {"precision": hmean, "recall": hmean, "hmean": hmean}
        saved = Saved(epoch, epoch * 100, score=hmean, extra={"cleval_metrics": metrics})
        save_checkpoint(checkpoints / f"epoch={epoch}-step={epoch * 100}.ckpt", saved)
    return outputs


@pytest.fixture
def outputs(_outputs_template: Path, tmp_path: Path) -> Path:
    """Return a folder `outputs` with one Hydra run of three checkpoints and no sidecar."""
    return shutil.copytree(_outputs_template, tmp_path / "outputs")


@pytest.fixture
def make_checkpoint() -> Callable[..., Path]:
    """Return a function that writes a checkpoint; its keywords are the fields of `Saved`."""

    def make(path: Path, **fields: object) -> Path:
        return save_checkpoint(path, replace(Saved(), **fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def hydra_run() -> Callable[..., Path]:
    """Return `make_run`."""
    return make_run


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts that the YAML parser is given, as it is given them."""
    texts: list[str] = []
    real = yaml_rs.loads

    def spy(text: str, **options: bool) -> object:
        texts.append(text)
        return real(text, parse_datetime=options["parse_datetime"])

    monkeypatch.setattr(yaml_rs, "loads", spy)
    return texts


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no coverage tool into the processes that the test starts: it imports and opens files."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Lend the test the rights of nobody where it runs as root, who may read and write all."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture(scope="session")
def documented_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder that most pages are about, once."""
    from tests.docs.worlds import make_template

    return make_template(tmp_path_factory.mktemp("example"))


@pytest.fixture
def world(documented_example: Path, tmp_path: Path) -> Path:
    """Return a folder as most pages of the documentation start with, and an empty `home` in it."""
    from tests.docs.worlds import make_world

    folder = tmp_path / "world"
    (folder / "home").mkdir(parents=True)
    return make_world("docs/index.md", documented_example, folder)
