from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checkpoint_meta
from checkpoint_meta import build_catalog, clear_global_cache
from checkpoint_meta.catalog import api
from checkpoint_meta.convert import convert
from checkpoint_meta.errors import ReadError
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.sources.wandb_api import shared_runs
from checkpoint_meta.store import read_sidecar, write_sidecar
from tests.conftest import Saved, save_checkpoint
from tests.sources.wandb_server import WandbServer, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin with nothing in memory, and with an index of the test's own."""
    monkeypatch.setenv("CHECKPOINT_META_CACHE", str(tmp_path / "cache"))
    api._said.clear()
    clear_global_cache()
    yield
    clear_global_cache()


def _converted(outputs: Path) -> Path:
    list(convert(iter_checkpoints(outputs)))
    return outputs


def test_an_entry_has_what_a_person_chooses_by(outputs: Path) -> None:
    """Model, experiment, epoch, metrics, time and configuration; best first."""
    catalog = build_catalog(_converted(outputs))

    best = catalog.entries[0]
    run = outputs / "2026-11-23" / "21-09-00"
    assert [entry.hmean for entry in catalog.entries] == [0.875, 0.8125, 0.75]
    assert best.checkpoint_path == run / "checkpoints" / "epoch=2-step=200.ckpt"
    assert best.config_path == run / ".hydra" / "config.yaml"
    assert (best.architecture, best.backbone, best.exp_name) == ("dbnet", "resnet18", "demo")
    assert (best.epochs, best.monitor, best.monitor_mode) == (2, "val/hmean", "max")
    assert best.has_metadata
    written = time.strftime("%Y%m%d_%H%M", time.gmtime(best.checkpoint_path.stat().st_mtime))
    assert best.to_display_option() == (
        f"dbnet · resnet18 · demo (ep2 • hmean 0.875 • prec 0.875 • rec 0.875 • {written})"
    )


def test_the_catalog_counts_its_sidecars(outputs: Path) -> None:
    """Coverage is the share of checkpoints that a sidecar describes."""
    _converted(outputs)
    next(outputs.rglob("*.metadata.yaml")).unlink()

    catalog = build_catalog(outputs)

    assert (catalog.total_count, catalog.metadata_available_count) == (3, 2)
    assert catalog.metadata_coverage_percent == pytest.approx(66.7, abs=0.1)
    assert catalog.catalog_build_time_seconds > 0
    assert catalog.outputs_dir == outputs


def test_without_sidecars_the_checkpoints_tell(outputs: Path) -> None:
    """The same facts, epoch 0 among them, and no file is written into outputs."""
    before = sorted(outputs.rglob("*"))
    without = build_catalog(outputs)

    assert sorted(outputs.rglob("*")) == before
    _converted(outputs)
    for one, other in zip(without.entries, build_catalog(outputs).entries, strict=True):
        assert one.to_display_option() == other.to_display_option()
        assert (one.has_metadata, other.has_metadata) == (False, True)


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt", "epoch=0.ckpt"])
def test_names_are_not_epochs(
    tmp_path: Path, make_checkpoint: Callable[..., Path], name: str
) -> None:
    """`best` is not epoch 999, `last` not 998, and epoch 0 is not dropped."""
    import torch

    make_checkpoint(tmp_path / name)
    content = torch.load(tmp_path / name, weights_only=True)
    torch.save(content | {"epoch": 0}, tmp_path / name)

    (entry,) = build_catalog(tmp_path).entries

    assert entry.epochs == 0
    assert entry.architecture == "unknown"


def test_an_empty_folder_is_an_empty_catalog(tmp_path: Path) -> None:
    """Nothing is covered where there is nothing."""
    catalog = build_catalog(str(tmp_path))

    assert catalog.entries == []
    assert catalog.metadata_coverage_percent == 0


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A UI that looks in the wrong place is told so."""
    with pytest.raises(ReadError, match="no such file or folder"):
        build_catalog(tmp_path / "nowhere")


def test_what_cannot_be_loaded_is_left_out_and_said(
    outputs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A corrupt file is no choice; a link to a listed checkpoint is not another one."""
    folder = next(outputs.rglob("checkpoints"))
    (folder / "broken.ckpt").write_text("oops", encoding="utf-8")
    (folder / "last.ckpt").symlink_to("epoch=3-step=300.ckpt")

    with caplog.at_level(logging.WARNING):
        catalog = build_catalog(outputs)

    assert catalog.total_count == 3
    assert "broken.ckpt is left out: not a checkpoint" in caplog.text


def test_the_second_build_reads_nothing(
    outputs: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory answers first; without it the index; without a cache everything is read."""
    now = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: now)
    first = build_catalog(outputs)

    read.clear()
    assert build_catalog(outputs).entries == first.entries
    clear_global_cache()
    assert build_catalog(outputs).entries == first.entries
    assert read == []
    assert build_catalog(outputs, use_cache=False).entries == first.entries
    assert len(read) == 3


def test_a_change_in_a_nested_folder_is_seen(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also within the same second, and with everything in memory."""
    now = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: now)
    _converted(outputs)
    build_catalog(outputs)
    sidecar = next(outputs.rglob("epoch=1*.metadata.yaml"))
    write_sidecar(sidecar, read_sidecar(sidecar) | {"metrics": {"hmean": 0.99}})

    assert build_catalog(outputs).entries[0].hmean == 0.99
    sidecar.with_name("epoch=1-step=100.ckpt").unlink()
    sidecar.unlink()
    assert build_catalog(outputs).total_count == 2


def test_what_the_callback_left_open_is_asked_elsewhere(outputs: Path) -> None:
    """A sidecar from training that names no model gets it from the run's configuration."""
    _converted(outputs)
    sidecar = next(outputs.rglob("epoch=1*.metadata.yaml"))
    document = read_sidecar(sidecar)
    del document["model"]
    document["exp_name"] = "as trained"
    document["written_by"] = {"tool": "checkpoint-meta", "version": "0.1.0", "how": "training"}
    write_sidecar(sidecar, document)

    (entry,) = [one for one in build_catalog(outputs).entries if one.epochs == 1]

    assert (entry.architecture, entry.backbone) == ("dbnet", "resnet18")
    assert entry.exp_name == "as trained"
    assert entry.has_metadata


@pytest.mark.parametrize("word", ["0", "false", "OFF"])
def test_the_roll_out_can_be_switched_off(
    outputs: Path, word: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Facts come from the checkpoints, no index is made, and it is said once."""
    _converted(outputs)
    sidecar = next(outputs.rglob("epoch=1*.metadata.yaml"))
    write_sidecar(sidecar, read_sidecar(sidecar) | {"exp_name": "from the sidecar"})
    monkeypatch.setenv("CHECKPOINT_CATALOG_USE_V2", word)

    with caplog.at_level(logging.WARNING):
        catalogs = [build_catalog(outputs), build_catalog(outputs)]

    assert {entry.exp_name for entry in catalogs[0].entries} == {"demo"}
    assert catalogs[0].metadata_available_count == 0
    assert len(caplog.records) == 1
    assert not (outputs.parent / "cache").exists()


def test_a_configuration_is_looked_for_by_its_names(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """Beside the checkpoint, then in its run."""
    make_checkpoint(tmp_path / "run" / "checkpoints" / "a.ckpt")
    (tmp_path / "run" / "ours.yaml").write_text("a: 1\n", encoding="utf-8")

    (named,) = build_catalog(tmp_path, config_filenames=("ours.yaml",)).entries
    (other,) = build_catalog(tmp_path).entries

    assert named.config_path == tmp_path / "run" / "ours.yaml"
    assert other.config_path is None


def test_paths_are_absolute(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A UI may change its folder."""
    monkeypatch.chdir(outputs.parent)

    catalog = build_catalog(Path(os.path.relpath(outputs)))

    assert all(entry.checkpoint_path.is_absolute() for entry in catalog.entries)


def test_torch_is_never_imported(outputs: Path) -> None:
    """Neither for checkpoints with sidecars nor for those without."""
    code = (
        "import sys, checkpoint_meta\n"
        f"assert checkpoint_meta.build_catalog({str(outputs)!r}).total_count == 3\n"
        "assert not {'torch', 'lightning', 'numpy', 'wandb'} & set(sys.modules)\n"
    )

    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)

    assert result.returncode == 0, result.stderr


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WandbServer]:
    """Return a W&B server that knows the metrics of one run, and point the client at it."""
    found = WandbServer()
    row = {"val/hmean": 0.875, "val/recall": 0.9375, "epoch": 3, "trainer/global_step": 399}
    found.add_run("1a2b3c4d", [row])
    httpd = serve(found)
    monkeypatch.setenv("WANDB_BASE_URL", found.url)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "wandb-cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    shared_runs.cache_clear()
    yield found
    shared_runs.cache_clear()
    httpd.shutdown()
    httpd.server_close()


def test_wandb_is_asked_only_if_allowed(tmp_path: Path, server: WandbServer) -> None:
    """And only for what nobody else knows."""
    loops = {
        "fit_loop": {
            "epoch_loop.state_dict": {"_batches_that_stepped": 400},
            "epoch_progress": {"current": {"ready": 4, "processed": 4}},
        }
    }
    saved = Saved(extra={"loops": loops})
    path = save_checkpoint(tmp_path / "run" / "a.ckpt", saved)
    list(convert(iter_checkpoints(tmp_path)))
    document = read_sidecar(path.with_name("a.metadata.yaml"))
    document["written_by"] = {"tool": "checkpoint-meta", "version": "0.1.0", "how": "training"}
    document["wandb"] = {"entity": "team", "project": "ocr", "run_id": "1a2b3c4d"}
    write_sidecar(path.with_name("a.metadata.yaml"), document)

    without = build_catalog(tmp_path)
    asked_without = list(server.asked)
    (entry,) = build_catalog(tmp_path, use_wandb_fallback=True).entries

    assert [one.recall for one in without.entries] == [None]
    assert asked_without == []
    assert server.asked != []
    assert entry.recall == 0.9375


def test_public_names_are_there() -> None:
    """Each can be imported; another is an AttributeError."""
    for name in checkpoint_meta.__all__:
        assert getattr(checkpoint_meta, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = checkpoint_meta.nothing
