from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from omegaconf import OmegaConf

from checkpoint_meta import MetadataCallback
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.training.environment import git_state
from tests.training.tiny import Tiny, look, make_trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.training.tiny import Left

pytestmark = pytest.mark.train


def train(folder: Path, model: Tiny, **options: object) -> Left:
    """Return what one epoch leaves in `checkpoints/`, as `x.ckpt`."""
    trainer = make_trainer(
        folder,
        MetadataCallback(strict=True),
        ModelCheckpoint(folder / "checkpoints", "x"),
        max_epochs=1,
        **options,
    )
    trainer.fit(model)
    return look(folder / "checkpoints")


class WithHyperparameters(Tiny):
    """Is made from settings of all kinds."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.save_hyperparameters(settings)


def hyperparameters(folder: Path, **settings: object) -> Mapping[str, object]:
    """Return the hyper-parameters that a sidecar shows of these settings."""
    found = train(folder, WithHyperparameters(**settings)).at("x.ckpt", "hyperparameters")
    assert isinstance(found, dict)
    return found


def test_hyperparameters_are_plain(tmp_path: Path) -> None:
    """Numbers and texts stay; of an object only its type's name is told."""
    shown = hyperparameters(
        tmp_path,
        lr=0.1,
        sizes=(1, 2),
        where=Path("data"),
        device=torch.device("cpu"),
        loss=object(),
    )

    assert shown == {
        "lr": 0.1,
        "sizes": [1, 2],
        "where": "data",
        "device": "cpu",
        "loss": "builtins.object",
    }


def test_secrets_are_masked_and_interpolations_not_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is neither told nor fetched from where an interpolation points to."""
    monkeypatch.setenv("DATABASE", "a-very-secret-address")
    settings = OmegaConf.create(
        {"api_key": "abc", "data": {"url": "${oc.env:DATABASE}", "token": "def"}, "lr": "${.other}"}
    )
    shown = hyperparameters(tmp_path, config=settings, wandb_api_key="ghi")

    assert shown == {
        "config": {
            "api_key": "***",
            "data": {"url": "${oc.env:DATABASE}", "token": "***"},
            "lr": "${.other}",
        },
        "wandb_api_key": "***",
    }
    text = (tmp_path / "checkpoints" / "x.metadata.yaml").read_text()
    assert "a-very-secret-address" not in text


def test_large_values_are_cut(tmp_path: Path) -> None:
    """A value of many kilobytes is cut, and says so."""
    shown = hyperparameters(tmp_path, vocabulary=["word"] * 5000)

    assert len(str(shown["vocabulary"])) < 2000
    assert "cut" in str(shown["vocabulary"])


class Encoder(torch.nn.Module):
    """Names itself."""

    model_name = "resnet18"

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2).requires_grad_(requires_grad=False)


class DBHead(torch.nn.Module):
    """Is known by its class."""


class Detector(torch.nn.Module):
    """Has the parts of a text detector."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.head = Encoder(), torch.nn.Identity(), DBHead()
        self.loss = torch.nn.L1Loss()


class Holder(Tiny):
    """Keeps its model one level down."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Detector()


def test_components_of_the_model_that_the_module_holds(tmp_path: Path) -> None:
    """Encoder, decoder, head and loss are found in `module.model` as well as in the module."""
    left = train(tmp_path, Holder())

    assert left.at("x.ckpt", "model.class") == f"{__name__}.Holder"
    assert left.at("x.ckpt", "model.encoder") == {"model_name": "resnet18", "frozen": True}
    assert left.at("x.ckpt", "model.decoder.name") == "Identity"
    assert left.at("x.ckpt", "model.head.name") == "db_head"
    assert left.at("x.ckpt", "model.loss.name") == "L1Loss"


class Tied(Tiny):
    """Uses one tensor twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 4, bias=False)
        self.second = torch.nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("count", torch.zeros(5, dtype=torch.int64))


def test_parameter_counts(tmp_path: Path) -> None:
    """The state dict is counted, buffers included, tied tensors once."""
    left = train(tmp_path, Tied())

    assert left.at("x.ckpt", "model.parameters") == {
        "count": 3 + 16 + 5,
        "bytes": 4 * 19 + 8 * 5,
        "dtypes": {"float32": 19, "int64": 5},
    }


def test_hydra_configuration_of_the_run(tmp_path: Path) -> None:
    """Path and overrides of the run's Hydra configuration are there, its name, and its model."""
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("exp_name: mine\nmodel: {architecture: x}\n")
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[model=x, logger.api_key=abc]\n")
    left = train(tmp_path, Tiny())

    assert left.at("x.ckpt", "hydra_config_path") == "../.hydra/config.yaml"
    assert left.at("x.ckpt", "hydra_overrides") == ["model=x", "logger.api_key=***"]
    assert left.at("x.ckpt", "exp_name") == "mine"
    assert left.at("x.ckpt", "model.architecture") == "x"


def test_broken_hydra_configuration(tmp_path: Path) -> None:
    """A configuration that cannot be read costs its own values, and nothing else."""
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("a: [")
    left = train(tmp_path, Tiny())

    assert left.at("x.ckpt", "exp_name") == tmp_path.name
    assert left.at("x.ckpt", "training.epoch") == 0


HYDRA_JOB = """
import sys
import hydra
from lightning.pytorch.callbacks import ModelCheckpoint
from checkpoint_meta import MetadataCallback
from tests.training.tiny import Tiny, make_trainer

@hydra.main(version_base=None, config_path=None)
def main(config):
    owner = ModelCheckpoint(sys.path[0] + "/elsewhere", "x")
    make_trainer(".", MetadataCallback(strict=True), owner, max_epochs=1).fit(Tiny())

main()
"""


def test_hydra_job_that_saves_elsewhere(tmp_path: Path) -> None:
    """The configuration of a Hydra job that runs is found, wherever its checkpoints go."""
    (tmp_path / "job.py").write_text(HYDRA_JOB)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "ignore", "job.py", "+lr=0.1", "hydra.run.dir=out"]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=True)

    left = look(tmp_path / "elsewhere")

    assert left.at("x.ckpt", "hydra_config_path") == "../out/.hydra/config.yaml"
    assert left.at("x.ckpt", "hydra_overrides") == ["+lr=0.1"]


def test_versions(tmp_path: Path) -> None:
    """The versions are those that are imported."""
    import lightning

    left = train(tmp_path, Tiny())

    assert left.at("x.ckpt", "environment.torch") == torch.__version__
    assert left.at("x.ckpt", "environment.lightning") == lightning.__version__


def test_git_commit_and_changes(tmp_path: Path) -> None:
    """The commit is told, and whether a tracked file differs from it; a new file does not count."""

    def git(*arguments: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        command = ["git", "-C", str(tmp_path), *settings, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "code.py").write_text("a")
    git("add", "code.py")
    git("commit", "-q", "-m", "first")
    (tmp_path / "new.py").touch()
    (tmp_path / "below").mkdir()
    clean = git_state(tmp_path)
    (tmp_path / "code.py").write_text("b")
    # Asked from another folder of the same repository: the answer for the first one is kept.
    dirty = git_state(tmp_path / "below")

    assert clean == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": False}
    assert dirty == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": True}


def test_no_repository(tmp_path: Path) -> None:
    """Code that lies in no repository has no commit."""
    assert git_state(tmp_path) == {}


def test_folders_of_the_loggers(tmp_path: Path) -> None:
    """CSV and TensorBoard folders are told relative to the sidecar."""
    loggers = [CSVLogger(tmp_path, "csv"), TensorBoardLogger(tmp_path, "board")]
    left = train(tmp_path, Tiny(), logger=loggers)

    assert left.at("x.ckpt", "loggers") == [
        {"logger": "CSVLogger", "folder": "../csv/version_0"},
        {"logger": "TensorBoardLogger", "folder": "../board/version_0"},
    ]


def test_provenance(tmp_path: Path) -> None:
    """Each value says that training gave it; a guess by class or folder says so too."""
    left = train(tmp_path, Holder())

    lines = left.documents["x.ckpt"]["provenance"]
    assert isinstance(lines, list)
    by_source = {line["source"]: line["fields"] for line in lines if isinstance(line, dict)}
    assert set(by_source) == {"training", "module", "filename"}
    assert by_source["filename"] == ["exp_name"]
    assert by_source["module"] == ["model.decoder.name", "model.loss.name"]


def test_what_a_person_wrote_into_the_sidecar_of_a_file_that_is_written_again(
    tmp_path: Path,
) -> None:
    """Pins, comments and keys of their own stay; what was said of the former file does not."""
    owner = ModelCheckpoint(tmp_path, "x")
    callback = MetadataCallback(
        strict=True, extra=lambda trainer: {"first": True} if trainer.global_step == 4 else {}
    )
    trainer = make_trainer(tmp_path, callback, owner, max_epochs=1)
    trainer.fit(Tiny())
    sidecar = tmp_path / "x.metadata.yaml"
    text = sidecar.read_text().replace("exp_name:", "exp_name: by-hand  #")
    sidecar.write_text(f"{text}pinned: [exp_name]\nnotes: mine  # really\n")
    trainer.fit_loop.max_epochs = 2
    trainer.fit(Tiny())
    trainer.save_checkpoint(tmp_path / "x.ckpt")

    left = look(tmp_path)

    assert left.at("x.ckpt", "exp_name") == "by-hand"
    assert left.at("x.ckpt", "notes") == "mine"
    assert left.at("x.ckpt", "training.epoch") == 2
    assert left.at("x.ckpt", "first") is None
    assert "# really" in sidecar.read_text()


def test_what_convert_finds_in_the_same_file(tmp_path: Path) -> None:
    """Fingerprint, format and parameter counts are those that the reader takes from the file."""
    left = train(tmp_path, Tied())
    contents = read_checkpoint_file(tmp_path / "checkpoints" / "x.ckpt")

    assert left.at("x.ckpt", "checkpoint") == {
        "format": contents.format,
        "size_bytes": contents.size_bytes,
        "mtime_ns": contents.mtime_ns,
        "fingerprint": contents.fingerprint,
        "weights_only": contents.weights_only,
    }
    assert left.at("x.ckpt", "model.parameters") == {
        "count": contents.parameter_count,
        "bytes": contents.parameter_bytes,
        "dtypes": contents.dtypes,
    }
    assert left.at("x.ckpt", "hyperparameters") == contents.hyper_parameters


WANDB_JOB = """
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from checkpoint_meta import MetadataCallback
from tests.training.tiny import Tiny, make_trainer

logger = WandbLogger(project="ocr", entity="team", save_dir=".", offline=True, id="1a2b3c4d")
owner = ModelCheckpoint("c", "x")
make_trainer(".", MetadataCallback(strict=True), owner, logger=logger, max_epochs=1).fit(Tiny())
"""


def test_wandb_run(tmp_path: Path) -> None:
    """Entity, project and id of the W&B run are those of the logger's, offline too."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-W", "ignore", "-c", WANDB_JOB]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)

    left = look(tmp_path / "c")

    assert left.at("x.ckpt", "wandb") == {"entity": "team", "project": "ocr", "run_id": "1a2b3c4d"}
    assert left.at("x.ckpt", "wandb_run_id") == "1a2b3c4d"
