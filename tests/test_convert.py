from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import ConvertOptions, Outcome, Status, convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.document import check_document
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue


def _convert(root: Path, options: ConvertOptions | None = None) -> list[Outcome]:
    return list(convert(iter_checkpoints(root), options=options))


def _statuses(root: Path, options: ConvertOptions | None = None) -> list[str]:
    return [outcome.status.value for outcome in _convert(root, options)]


def _sidecar(outputs: Path, epoch: int = 2) -> Path:
    (found,) = outputs.rglob(f"epoch={epoch}-*.ckpt")
    return found.with_name(f"{found.name.removesuffix('.ckpt')}.metadata.yaml")


def _at(document: dict[str, JSONValue], path: str) -> JSONValue:
    return look_up(document, path.split("."))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("schema_version", "2.0"),
        ("checkpoint_path", "epoch=2-step=200.ckpt"),
        ("exp_name", "demo"),
        ("training.epoch", 2),
        ("training.global_step", 200),
        ("training.max_epochs", 30),
        ("metrics.hmean", 0.875),
        ("metrics.precision", 0.875),
        ("checkpointing.monitor", "val/hmean"),
        ("checkpointing.mode", "max"),
        ("checkpointing.score", 0.875),
        ("checkpointing.save_top_k", 3),
        ("model.architecture", "dbnet"),
        ("model.encoder.model_name", "resnet18"),
        ("model.parameters.count", 8),
        ("hydra_config_path", "../.hydra/config.yaml"),
        ("hydra_overrides", ["exp_name=demo"]),
        ("environment.lightning", "2.6.6"),
        ("written_by.how", "convert"),
    ],
)
def test_what_a_converted_checkpoint_says(outputs: Path, field: str, expected: JSONValue) -> None:
    """Each fact comes from where it is known: the checkpoint, Hydra's files, the names."""
    _convert(outputs)

    document = read_sidecar(_sidecar(outputs))

    assert check_document(document) == []
    assert _at(document, field) == expected


def test_every_value_says_where_it_came_from(outputs: Path) -> None:
    """Provenance names the source and the file of each resolved field."""
    _convert(outputs)

    lines = read_sidecar(_sidecar(outputs))["provenance"]

    assert isinstance(lines, list)
    found = {
        str(field): (line["source"], line["location"])
        for line in lines
        if isinstance(line, dict) and isinstance(line["fields"], list)
        for field in line["fields"]
    }
    assert found["training.epoch"] == ("checkpoint", "epoch=2-step=200.ckpt")
    assert found["training.max_epochs"] == ("hydra", "../.hydra/config.yaml")
    assert found["created_at"] == ("file", "epoch=2-step=200.ckpt")


def _written(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def test_the_second_run_writes_nothing(outputs: Path) -> None:
    """Converting again leaves every sidecar as it is, without a write."""
    assert _statuses(outputs) == ["created"] * 3
    before = {path: _written(path) for path in outputs.rglob("*.metadata.yaml")}

    assert _statuses(outputs) == ["unchanged"] * 3

    assert {path: _written(path) for path in outputs.rglob("*.metadata.yaml")} == before


def test_the_second_run_opens_no_checkpoint(outputs: Path) -> None:
    """What has not changed is told by sizes and times: an unreadable file of same looks passes."""
    _convert(outputs)
    for checkpoint in outputs.rglob("*.ckpt"):
        status = checkpoint.stat()
        checkpoint.write_bytes(b"\0" * status.st_size)
        os.utime(checkpoint, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert _statuses(outputs) == ["unchanged"] * 3


def test_a_dry_run_writes_nothing_and_says_what_would_be(outputs: Path) -> None:
    """The outcome is that of a real run, and the tree stays as it was."""
    before = sorted(outputs.rglob("*"))

    outcomes = _convert(outputs, ConvertOptions(dry_run=True))

    assert [outcome.status for outcome in outcomes] == [Status.CREATED] * 3
    assert "hmean: 0.875" in (outcomes[1].after or "")
    assert sorted(outputs.rglob("*")) == before


def _edit(path: Path, **changes: JSONValue) -> None:
    document = read_sidecar(path) | changes
    write_sidecar(path, document)


def _touch(outputs: Path) -> None:
    """Make the run's configuration look changed, so that sidecars are looked at again."""
    (config,) = outputs.rglob("config.yaml")
    config.write_text(config.read_text(encoding="utf-8") + "# seen\n", encoding="utf-8")


def test_what_a_2_0_sidecar_says_stays(outputs: Path) -> None:
    """Without --overwrite a hand edit wins, and what is missing is filled in."""
    _convert(outputs)
    path = _sidecar(outputs)
    document = read_sidecar(path)
    del document["hydra_overrides"]
    write_sidecar(path, document | {"exp_name": "mine", "note": "the good one"})
    _touch(outputs)

    _convert(outputs)

    converted = read_sidecar(path)
    assert converted["exp_name"] == "mine"
    assert converted["note"] == "the good one"
    assert converted["hydra_overrides"] == ["exp_name=demo"]


def test_overwrite_resolves_anew_and_keeps_pins(outputs: Path) -> None:
    """--overwrite takes the sources' word, but for fields that a person has pinned."""
    _convert(outputs)
    path = _sidecar(outputs)
    _edit(path, exp_name="mine", model={"architecture": "dbnet-plus"}, note="kept")
    _edit(path, pinned=["model.architecture"])

    _convert(outputs, ConvertOptions(overwrite=True))

    converted = read_sidecar(path)
    assert converted["exp_name"] == "demo"
    assert _at(converted, "model.architecture") == "dbnet-plus"
    assert converted["note"] == "kept"


def test_overwrite_keeps_what_no_source_knows_any_more(outputs: Path) -> None:
    """A value whose source is gone keeps its value and its provenance."""
    _convert(outputs)
    path = _sidecar(outputs)
    shutil.rmtree(next(outputs.rglob(".hydra")))

    _convert(outputs, ConvertOptions(overwrite=True))

    converted = read_sidecar(path)
    assert _at(converted, "training.max_epochs") == 30
    assert "../.hydra/config.yaml" in path.read_text(encoding="utf-8")


def test_comments_survive_a_conversion(outputs: Path) -> None:
    """A person's remark stands where it stood."""
    _convert(outputs)
    path = _sidecar(outputs)
    text = path.read_text(encoding="utf-8").replace("metrics:", "# checked by hand\nmetrics:")
    path.write_text(text, encoding="utf-8")
    _touch(outputs)

    _convert(outputs, ConvertOptions(overwrite=True))

    assert "# checked by hand\nmetrics:" in path.read_text(encoding="utf-8")


def test_a_replaced_checkpoint_is_described_anew(outputs: Path) -> None:
    """A sidecar of another file under the same name is no evidence about this one."""
    _convert(outputs)
    path = _sidecar(outputs)
    _edit(path, note="kept", model={"architecture": "other"})
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    shutil.copy(next(outputs.rglob("epoch=3-*.ckpt")), checkpoint)

    outcomes = _convert(outputs)

    converted = read_sidecar(path)
    assert _at(converted, "training.epoch") == 3
    assert _at(converted, "model.architecture") == "dbnet"
    assert converted["note"] == "kept"
    assert any("changed since" in note for outcome in outcomes for note in outcome.notes)


def test_a_copied_checkpoint_keeps_its_sidecar(outputs: Path) -> None:
    """A new time alone does not make another checkpoint: the fingerprint says it is the same."""
    _convert(outputs)
    path = _sidecar(outputs)
    _edit(path, exp_name="mine")
    os.utime(next(outputs.rglob("epoch=2-*.ckpt")))

    assert "updated" in _statuses(outputs)

    assert read_sidecar(path)["exp_name"] == "mine"


def test_1_0_is_written_on_request(outputs: Path) -> None:
    """A 1.0 sidecar is valid, relative to the outputs folder, and left alone the second time."""
    options = ConvertOptions(schema_version="1.0", outputs_dir=outputs)

    assert _statuses(outputs, options) == ["created"] * 3

    document = read_sidecar(_sidecar(outputs))
    assert check_document(document) == []
    assert document["schema_version"] == "1.0"
    assert document["hydra_config_path"] == "2026-11-23/21-09-00/.hydra/config.yaml"
    assert _statuses(outputs, options) == ["unchanged"] * 3


def test_a_1_0_sidecar_of_ours_becomes_2_0(outputs: Path) -> None:
    """Asking for the current version upgrades what asked for the old one wrote."""
    _convert(outputs, ConvertOptions(schema_version="1.0"))

    assert _statuses(outputs) == ["updated"] * 3

    document = read_sidecar(_sidecar(outputs))
    assert document["schema_version"] == "2.0"
    assert _at(document, "metrics.hmean") == 0.875


def test_a_hash_is_added_on_request_and_kept(outputs: Path) -> None:
    """--hash records the SHA-256; a later run without it keeps it for the same file."""
    import hashlib

    _convert(outputs, ConvertOptions(sha256=True))
    _touch(outputs)
    _convert(outputs)

    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    expected = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert _at(read_sidecar(_sidecar(outputs)), "checkpoint.sha256") == expected


def test_a_linked_last_has_a_linked_sidecar(outputs: Path) -> None:
    """The target is described once, and the link's sidecar reads as the target's."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    link = checkpoint.with_name("last.ckpt")
    link.symlink_to(checkpoint.name)

    outcomes = {outcome.checkpoint.path.name: outcome for outcome in _convert(outputs)}

    assert outcomes["last.ckpt"].status is Status.SKIPPED
    assert outcomes["last.ckpt"].reason == "a link to epoch=2-step=200.ckpt"
    sidecar = link.with_name("last.metadata.yaml")
    assert sidecar.is_symlink()
    assert _at(read_sidecar(sidecar), "training.epoch") == 2


def test_a_dangling_link_is_passed_by(outputs: Path) -> None:
    """A link to a checkpoint that was pruned is said, and nothing is written for it."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    checkpoint.with_name("last.ckpt").symlink_to("gone.ckpt")

    (outcome,) = (one for one in _convert(outputs) if one.checkpoint.is_link)

    assert (outcome.status, outcome.reason) == (Status.SKIPPED, "a dangling link to gone.ckpt")


def test_a_tuners_file_is_passed_by(outputs: Path) -> None:
    """Nobody asks about `.lr_find_*.ckpt`."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    shutil.copy(checkpoint, checkpoint.with_name(".lr_find_ab.ckpt"))

    assert sorted(_statuses(outputs)) == ["created"] * 3 + ["skipped"]


BAD_CHECKPOINTS = {
    "empty": b"",
    "text": b"hello",
    "html": b"<!DOCTYPE html><html></html>",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
}


@pytest.mark.parametrize("kind", [*BAD_CHECKPOINTS, "truncated", "folder"])
def test_a_bad_checkpoint_fails_alone(outputs: Path, kind: str) -> None:
    """One clear line for the bad file; the others are converted; nothing half-written."""
    checkpoint = next(outputs.rglob("epoch=2-*.ckpt"))
    bad = checkpoint.with_name("bad.ckpt")
    if kind == "folder":
        (outputs / "x.ckpt" / "meta.pt").parent.mkdir()
        (outputs / "x.ckpt" / "meta.pt").write_bytes(b"no zip")
    elif kind == "truncated":
        bad.write_bytes(checkpoint.read_bytes()[:-300])
    else:
        bad.write_bytes(BAD_CHECKPOINTS[kind])

    outcomes = _convert(outputs)

    assert sorted(outcome.status.value for outcome in outcomes) == ["created"] * 3 + ["failed"]
    (failed,) = (outcome for outcome in outcomes if outcome.status is Status.FAILED)
    assert failed.reason
    assert "\n" not in failed.reason
    assert "unexpected" not in failed.reason
    assert str(failed.checkpoint.path) in failed.reason
    assert not failed.checkpoint.sidecar.exists()
    assert not list(outputs.rglob("*.partial"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\n", "not YAML"),
        ("hello: world\n", "not a sidecar of ours"),
        ('schema_version: "9.9"\n', "schema_version '9.9' is not known"),
        ('schema_version: "2.0"\ncheckpoint_path: x\ntraining: {epoch: three}\n', "training.epoch"),
        ("x: 1\0\n", "NUL byte"),
    ],
)
def test_a_file_that_is_no_sidecar_of_ours_is_left_alone(
    outputs: Path, text: str, reason: str
) -> None:
    """What stands under the sidecar's name and is not ours is named, not overwritten."""
    path = _sidecar(outputs)
    path.write_text(text, encoding="utf-8")

    outcomes = _convert(outputs)

    (failed,) = (outcome for outcome in outcomes if outcome.status is Status.FAILED)
    assert reason in (failed.reason or "")
    assert path.read_text(encoding="utf-8") == text


def test_a_broken_configuration_is_a_note(outputs: Path) -> None:
    """Hydra's file may be broken; the checkpoint's own facts are written all the same."""
    (config,) = outputs.rglob("config.yaml")
    config.write_text("a: [1\n", encoding="utf-8")

    outcomes = _convert(outputs)

    assert [outcome.status for outcome in outcomes] == [Status.CREATED] * 3
    assert "config.yaml" in outcomes[0].notes[0]


def test_a_claim_that_the_schema_refuses_is_left_out_and_said(outputs: Path) -> None:
    """A configuration may say `save_top_k: many`; the sidecar stays valid without it."""
    (config,) = outputs.rglob("config.yaml")
    text = config.read_text(encoding="utf-8").replace("save_top_k: 3", "save_top_k: many")
    config.write_text(text, encoding="utf-8")

    outcomes = _convert(outputs)

    document = read_sidecar(_sidecar(outputs))
    assert check_document(document) == []
    assert _at(document, "checkpointing.save_top_k") is None
    assert any("checkpointing.save_top_k" in note for note in outcomes[0].notes)


def test_odd_names_are_converted(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    """Spaces, `=`, `[`, newlines and other scripts are names like any other."""
    names = ["a b=[1].ckpt", "line\nbreak.ckpt", "näme-日本.ckpt", "-dash.ckpt", "a'b\"c.ckpt"]
    for name in names:
        make_checkpoint(tmp_path / name)

    assert _statuses(tmp_path) == ["created"] * len(names)
    assert _statuses(tmp_path) == ["unchanged"] * len(names)
    for name in names:
        document = read_sidecar(tmp_path / f"{name.removesuffix('.ckpt')}.metadata.yaml")
        assert document["checkpoint_path"] == name


def test_a_metric_beyond_every_float_is_left_out_and_said(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """One absurd number costs itself only, not the whole sidecar."""
    absurd = {"recall": 10**400, "precision": -(10**400), "hmean": 1}
    make_checkpoint(tmp_path / "x.ckpt", score=None, extra={"cleval_metrics": absurd})

    (outcome,) = _convert(tmp_path)

    assert outcome.status is Status.CREATED, outcome.reason
    assert read_sidecar(tmp_path / "x.metadata.yaml")["metrics"] == {"hmean": 1.0}
    assert any("recall" in note for note in outcome.notes)


def test_secrets_stay_out(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    """A key in the hyper-parameters does not travel into a file that people share."""
    secret = {"lr": 0.1, "wandb_api_key": "hunter2"}
    checkpoint = make_checkpoint(tmp_path / "x.ckpt", hyper_parameters=secret)

    _convert(tmp_path)

    text = checkpoint.with_name("x.metadata.yaml").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert "lr: 0.1" in text
