"""What users of the older catalog must not lose, and what it got wrong: docs/blueprint.md."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jsonschema
import pytest
import torch
import yaml

from checkpoint_meta import build_catalog, clear_global_cache
from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar
from tests.commands import ckpt_meta
from tests.sources.legacy import write_corpus

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoint_meta.evidence import JSONValue

ROOT: Final = Path(__file__).parent.parent
OLD_SIDECARS: Final = sorted((ROOT / "tests" / "corpus" / "sidecars").glob("*.yaml"))
SCHEMA_1_0: Final = ROOT / "checkpoint_meta" / "schema" / "json" / "sidecar-1.0.json"


def read_as_before(checkpoint: Path) -> dict[str, JSONValue] | None:
    """Return the sidecar as the older catalog reads it: PyYAML, 1.0 alone, `None` if it is none.

    It looks for `x.metadata.yaml`, accepts keys that it does not know, and puts nothing right.
    """
    path = checkpoint.with_suffix(".metadata.yaml")
    if not path.is_file():
        return None
    document: dict[str, JSONValue] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if document.get("schema_version") != "1.0":
        return None
    schema = json.loads(SCHEMA_1_0.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def _without_prose(schema: JSONValue) -> JSONValue:
    if isinstance(schema, dict):
        prose = {"title", "description"}
        return {key: _without_prose(value) for key, value in schema.items() if key not in prose}
    return [_without_prose(item) for item in schema] if isinstance(schema, list) else schema


def test_schema_1_0_is_frozen() -> None:
    """Not a field, type, range or default of 1.0 has changed since it was written down."""
    rules = _without_prose(json.loads(SCHEMA_1_0.read_text(encoding="utf-8")))

    digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    assert digest == "a51b125f3f2378f0022d9599a95191563ca072deec07a40e43638b09b21686b6"


@pytest.mark.parametrize("path", OLD_SIDECARS, ids=lambda path: path.name)
def test_what_existing_writers_wrote_is_read_by_both(path: Path, tmp_path: Path) -> None:
    """An existing reader and ours take the same values from an existing sidecar."""
    copy = tmp_path / "x.metadata.yaml"
    copy.write_bytes(path.read_bytes())

    assert read_as_before(tmp_path / "x.ckpt") == read_sidecar(copy)


def test_existing_readers_read_what_convert_writes_for_them(outputs: Path) -> None:
    """With `--schema 1.0` an existing catalog finds epoch, metrics and model where they were."""
    made = ckpt_meta(outputs.parent, "convert", "outputs", "--schema", "1.0")
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))

    document = read_as_before(checkpoint)

    assert made.returncode == 0, made.stderr
    assert document is not None
    assert document["checkpoint_path"] == str(checkpoint.relative_to(outputs))
    assert look_up(document, ("training", "epoch")) == 2
    assert look_up(document, ("metrics", "hmean")) == 0.875
    assert look_up(document, ("model", "encoder", "model_name")) == "resnet18"
    assert look_up(document, ("checkpointing", "mode")) == "max"


def test_existing_readers_take_no_2_0_for_1_0(outputs: Path) -> None:
    """They refuse the version, and fall back as where there is no sidecar."""
    list(convert(iter_checkpoints(outputs)))

    assert {read_as_before(one.path) for one in iter_checkpoints(outputs)} == {None}


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "outputs"),
        ("list", "outputs", "--format", "json"),
        ("best", "outputs", "--metric", "hmean"),
        ("validate", "outputs"),
        ("show", "outputs/2026-11-23/21-09-00/checkpoints/epoch=1-step=100.ckpt"),
        ("convert", "outputs", "--dry-run", "--overwrite"),
    ],
    ids=" ".join,
)
def test_who_only_looks_leaves_no_trace(outputs: Path, arguments: tuple[str, ...]) -> None:
    """Looking writes nothing into outputs: no file comes, goes or is touched."""
    list(convert(iter_checkpoints(outputs)))
    before = {path: path.stat().st_mtime_ns for path in outputs.rglob("*")}

    ckpt_meta(outputs.parent, *arguments)
    build_catalog(outputs)

    assert {path: path.stat().st_mtime_ns for path in outputs.rglob("*")} == before


class _Bomb:
    """Calls `os.mkdir` when it is loaded by pickle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def _arm(checkpoint: Path, trace: Path) -> None:
    """Put a call into the pickle of a checkpoint, beside what it holds."""
    content = torch.load(checkpoint, weights_only=False)
    torch.save({**content, "bomb": _Bomb(trace)}, checkpoint)


@pytest.mark.parametrize("described", [True, False], ids=["with sidecar", "without"])
def test_no_code_of_a_checkpoint_runs(tmp_path: Path, outputs: Path, *, described: bool) -> None:
    """Listing, a catalog and a conversion run nothing, whether a sidecar is there or not."""
    trace = tmp_path / "trace"
    checkpoint = next(outputs.rglob("epoch=3-*.ckpt"))
    if described:
        list(convert(iter_checkpoints(outputs)))
    _arm(checkpoint, trace)
    clear_global_cache()

    listed = ckpt_meta(outputs.parent, "list", "outputs", "--format", "path")
    entries = build_catalog(outputs).entries
    converted = ckpt_meta(outputs.parent, "convert", "outputs")

    assert len(listed.stdout.splitlines()) == len(entries) == 3
    assert converted.returncode == 0
    assert not trace.exists()
    # The trap is real: what the older catalog did springs it.
    with zipfile.ZipFile(checkpoint) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        assert b"mkdir" in archive.read(name)
    torch.load(checkpoint, weights_only=False)
    assert trace.is_dir()


@pytest.mark.parametrize("version", ["2.0", "1.0"])
def test_nested_parameters_of_a_head_hinder_no_conversion(
    tmp_path: Path, make_checkpoint: Callable[..., Path], version: str
) -> None:
    """A head whose parameters hold mappings has its name and channels in the sidecar."""
    nested = {"k": 50, "postprocess": {"thresh": 0.3, "box": {"max": 300}}}
    config = {"model": {"head": {"name": "db_head", "in_channels": 256, "params": nested}}}
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", hyper_parameters=config)
    checkpoint.with_name("a.config.json").write_text(json.dumps(config), encoding="utf-8")

    made = ckpt_meta(tmp_path, "convert", "a.ckpt", "--schema", version)

    document = read_sidecar(tmp_path / "a.metadata.yaml")
    assert made.returncode == 0, made.stdout
    assert look_up(document, ("model", "head", "name")) == "db_head"
    assert look_up(document, ("model", "head", "in_channels")) == 256
    assert check_document(document) == []


def test_a_checkpoint_without_a_monitor_is_converted(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`monitor: null`, of a ModelCheckpoint that keeps the last one, is no failure."""
    make_checkpoint(tmp_path / "last.ckpt", monitor=None, score=None)

    (outcome,) = convert(iter_checkpoints(tmp_path))

    document = read_sidecar(outcome.checkpoint.sidecar)
    assert outcome.reason is None
    assert look_up(document, ("training", "epoch")) == 3
    assert look_up(document, ("checkpointing", "monitor")) is None


def test_min_stays_min_and_a_loss_is_no_hmean(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """The mode is the checkpoint's own, and the score of val/loss is not taken for the hmean."""
    make_checkpoint(tmp_path / "a.ckpt", monitor="val/loss", mode="min", score=0.25)

    (outcome,) = convert(iter_checkpoints(tmp_path))

    document = read_sidecar(outcome.checkpoint.sidecar)
    assert look_up(document, ("checkpointing", "mode")) == "min"
    assert look_up(document, ("checkpointing", "score")) == 0.25
    assert look_up(document, ("metrics", "hmean")) is None


def test_created_at_is_the_checkpoints_time(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """A checkpoint of last year was created last year, whenever it is converted."""
    path = make_checkpoint(tmp_path / "a.ckpt")
    os.utime(path, (1_735_689_600, 1_735_689_600))

    (outcome,) = convert(iter_checkpoints(tmp_path))

    assert read_sidecar(outcome.checkpoint.sidecar)["created_at"] == "2025-01-01T00:00:00Z"


def test_a_folders_name_is_no_architecture(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`company_runs` holds the letters of `pan`, and nobody has trained one there."""
    make_checkpoint(tmp_path / "company_runs" / "dbnet-fpn" / "checkpoints" / "a.ckpt")

    (entry,) = build_catalog(tmp_path).entries

    assert (entry.architecture, entry.backbone) == ("unknown", "unknown")


def test_the_weights_outrank_a_configuration(tmp_path: Path) -> None:
    """The sidecar names the encoder that was built, and `--explain` what the configuration says."""
    truths = write_corpus(tmp_path / "outputs", old_sidecars=False)
    truth = next(one for one in truths if "version_" not in one["path"])
    checkpoint = tmp_path / "outputs" / truth["path"]

    made = ckpt_meta(tmp_path, "convert", str(checkpoint), "--explain", "--format", "json")

    (outcome,) = json.loads(made.stdout)
    document = read_sidecar(checkpoint.with_name(f"{checkpoint.stem}.metadata.yaml"))
    assert look_up(document, ("model", "encoder", "model_name")) == truth["encoder"]
    lost = [one for one in outcome["conflicts"] if one["field"] == "model.encoder.model_name"]
    assert [one["value"] for one in lost] == ["vgg19_bn"]


def test_pickles_of_the_tests_are_real(tmp_path: Path) -> None:
    """The trap of this module works by pickle's own rules."""
    pickle.loads(pickle.dumps(_Bomb(tmp_path / "made")))

    assert (tmp_path / "made").is_dir()


def test_a_file_and_an_experiment_are_converted_alone(outputs: Path) -> None:
    """A checkpoint or a run may be given instead of all outputs; the others stay as they are."""
    run = next(outputs.rglob(".hydra")).parent
    first, *others = sorted(run.rglob("*.ckpt"))

    one = ckpt_meta(outputs.parent, "convert", str(first))
    after_one = len(list(outputs.rglob("*.metadata.yaml")))
    whole = ckpt_meta(outputs.parent, "convert", str(run))

    assert (one.returncode, whole.returncode) == (0, 0)
    assert after_one == 1
    assert len(list(outputs.rglob("*.metadata.yaml"))) == 1 + len(others)


def test_a_file_a_list_and_a_folder_are_validated(outputs: Path) -> None:
    """Each checkpoint that is given, alone or by its folder, is judged and counted once."""
    list(convert(iter_checkpoints(outputs)))
    first, second, third = sorted(outputs.rglob("*.ckpt"))
    third.with_name(f"{third.stem}.metadata.yaml").unlink()

    judged = {
        name: ckpt_meta(outputs.parent, "validate", *map(str, paths), "--format", "json")
        for name, paths in {
            "file": [first],
            "list": [first, second],
            "folder": [outputs],
        }.items()
    }

    assert {name: result.returncode for name, result in judged.items()} == {
        "file": 0,
        "list": 0,
        "folder": 1,
    }
    (finding,) = json.loads(judged["folder"].stdout)
    assert finding["code"] == "CM201"
    assert finding["path"].endswith(third.name)
