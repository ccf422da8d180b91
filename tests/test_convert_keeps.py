"""What a person has put into a sidecar, or into the folder, is theirs: convert keeps it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import ConvertOptions, Outcome, Status, convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.sources.default import default_sources
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import ClassVar

    from checkpoint_meta.evidence import Fragment, JSONValue
    from checkpoint_meta.paths import CheckpointFile

OVERWRITE = ConvertOptions(overwrite=True)


def _convert(root: Path, options: ConvertOptions | None = None) -> dict[str, Outcome]:
    outcomes = convert(iter_checkpoints(root), options=options)
    return {outcome.checkpoint.path.name: outcome for outcome in outcomes}


@pytest.fixture
def run(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a folder with one checkpoint `a.ckpt` that has hyper-parameters."""
    make_checkpoint(tmp_path / "a.ckpt", hyper_parameters={"lr": 0.1, "batch": 16})
    return tmp_path


def _sidecar(run: Path) -> Path:
    return run / "a.metadata.yaml"


def _edit(run: Path, changes: dict[str, JSONValue]) -> None:
    """Change values as a person would, by dotted paths through mappings."""
    document = read_sidecar(_sidecar(run))
    for name, value in changes.items():
        *blocks, key = name.split("/")
        block = document
        for part in blocks:
            inner = block.setdefault(part, {})
            assert isinstance(inner, dict)
            block = inner
        block[key] = value
    write_sidecar(_sidecar(run), document)


def _at(run: Path, *path: str) -> JSONValue:
    return look_up(read_sidecar(_sidecar(run)), path)


def test_two_checkpoints_of_one_sidecar_are_said(
    run: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """The sidecar stays the first one's, run after run; the other fails and names it."""
    make_checkpoint(run / "a.pt", epoch=7)

    first, second = _convert(run), _convert(run)

    assert [first["a.ckpt"].status, second["a.ckpt"].status] == ["created", "unchanged"]
    for outcomes in (first, second):
        assert outcomes["a.pt"].status is Status.FAILED
        assert "shares its sidecar a.metadata.yaml with a.ckpt" in (outcomes["a.pt"].reason or "")
    assert _at(run, "training", "epoch") == 3


def test_a_sidecar_written_by_hand_is_believed(run: Path) -> None:
    """It records no file; it is completed, and nothing that it says is changed."""
    document: dict[str, JSONValue] = {
        "schema_version": "2.0",
        "checkpoint_path": "a.ckpt",
        "exp_name": "my-best-run",
        "training": {"epoch": 99},
        "metrics": {"hmean": 0.91, "additional_metrics": {"test/cer": 0.03}},
        "hyperparameters": {"lr": 0.7},
    }
    write_sidecar(_sidecar(run), document)

    outcome = _convert(run)["a.ckpt"]

    converted = read_sidecar(_sidecar(run))
    assert outcome.notes == ()
    assert converted["exp_name"] == "my-best-run"
    assert look_up(converted, ("training", "epoch")) == 99
    assert look_up(converted, ("training", "global_step")) == 400
    assert look_up(converted, ("metrics", "hmean")) == 0.91
    assert look_up(converted, ("metrics", "additional_metrics", "test/cer")) == 0.03
    assert converted["hyperparameters"] == {"lr": 0.7}


PINS: dict[str, dict[str, JSONValue]] = {
    "hyperparameters.lr": {"hyperparameters/lr": 0.5},
    "metrics.additional_metrics.map@0.5": {"metrics/additional_metrics/map@0.5": 0.9},
    "model": {"model/architecture": "mine"},
    "metrics.hmean": {"metrics/hmean": 0.5},
}


@pytest.mark.parametrize("replaced", [False, True], ids=["overwrite", "replaced checkpoint"])
@pytest.mark.parametrize("pin", PINS)
def test_no_command_changes_what_is_pinned(
    run: Path, pin: str, replaced: bool, make_checkpoint: Callable[..., Path]
) -> None:
    """A field, a key inside a value, a key with dots, a whole block: what is pinned stays."""
    _convert(run)
    _edit(run, PINS[pin] | {"pinned": [pin]})
    if replaced:
        make_checkpoint(run / "a.ckpt", epoch=8, hyper_parameters={"lr": 0.2, "batch": 64})

    _convert(run, None if replaced else OVERWRITE)

    ((path, value),) = PINS[pin].items()
    assert _at(run, *path.split("/")) == value
    if replaced:
        assert _at(run, "training", "epoch") == 8


def test_a_pinned_value_is_not_passed_off_as_read_from_a_file(run: Path) -> None:
    """A person set it: no file's size and time stand beside it."""
    (run / ".hydra").mkdir()
    (run / ".hydra" / "config.yaml").write_text("trainer: {max_epochs: 30}\n", encoding="utf-8")
    _convert(run)
    _edit(run, {"training/max_epochs": 50, "pinned": ["training.max_epochs", "training.epoch"]})

    _convert(run, OVERWRITE)

    lines = _at(run, "provenance")
    assert isinstance(lines, list)
    assert lines[0] == {"source": "pinned", "fields": ["training.epoch", "training.max_epochs"]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pinned": ["metrics.hmean"], "metrics/hmean": 91.2}, "metrics.hmean"),
        ({"pinned": "model.architecture"}, "pinned"),
    ],
)
def test_a_pin_that_cannot_be_kept_fails(
    run: Path, changes: dict[str, JSONValue], reason: str
) -> None:
    """A pinned value that the schema refuses, or a pin that is no list, is said, never dropped."""
    _convert(run)
    _edit(run, changes)
    before = _sidecar(run).read_text(encoding="utf-8")

    outcome = _convert(run, OVERWRITE)["a.ckpt"]

    assert outcome.status is Status.FAILED
    assert reason in (outcome.reason or "")
    assert _sidecar(run).read_text(encoding="utf-8") == before


def test_keys_of_ones_own_stay_whatever_they_hold(run: Path) -> None:
    """Nothing, empty, nested, or inside a block that is written afresh: they stay."""
    _convert(run)
    own: dict[str, JSONValue] = {
        "reviewed_by": None,
        "extra_info": {},
        "nested": {"a": None, "b": {}},
        "checkpoint/storage": "s3-cold",
        "written_by/reviewer": "anna",
        "model/parameters/note": "counted twice",
        "metrics/reviewed": True,
    }
    _edit(run, own)

    _convert(run, OVERWRITE)

    for name, value in own.items():
        *blocks, key = name.split("/")
        block = _at(run, *blocks) if blocks else dict(read_sidecar(_sidecar(run)))
        assert isinstance(block, dict)
        assert block[key] == value


def test_an_older_sidecar_keeps_its_rank_after_its_upgrade(run: Path) -> None:
    """What only the 1.0 sidecar said outranks weaker sources, also with --overwrite."""
    (run / ".hydra").mkdir()
    (run / ".hydra" / "config.yaml").write_text("exp_name: from-hydra\n", encoding="utf-8")
    _convert(run, ConvertOptions(schema_version="1.0", outputs_dir=run))
    document = read_sidecar(_sidecar(run))
    for ours in ("written_by", "provenance", "checkpoint"):
        del document[ours]
    _sidecar(run).unlink()
    write_sidecar(_sidecar(run), document | {"exp_name": "from-1.0"})

    _convert(run)
    first = read_sidecar(_sidecar(run))
    _convert(run, OVERWRITE)

    assert first["exp_name"] == "from-1.0"
    assert read_sidecar(_sidecar(run)) == first


class Meddler:
    """A source during whose work somebody else writes the sidecar, or prunes the checkpoint."""

    name: ClassVar[str] = "config"

    def __init__(self, act: Callable[[], None]) -> None:
        self._acts = [act]

    def collect(self, checkpoint: CheckpointFile) -> Iterator[Fragment]:  # noqa: ARG002
        """Act once, and claim nothing."""
        for act in self._acts:
            act()
        self._acts = []
        yield from ()


def test_what_training_writes_meanwhile_is_not_lost(run: Path) -> None:
    """The sidecar that appears while sources are asked is read before anything is written."""
    training: dict[str, JSONValue] = {
        "schema_version": "2.0",
        "checkpoint_path": "a.ckpt",
        "metrics": {"precision": 0.9},
    }

    def train() -> None:
        write_sidecar(_sidecar(run), training)

    meddler = Meddler(train)

    (outcome,) = convert(iter_checkpoints(run), [*default_sources(), meddler])

    assert outcome.status is Status.UPDATED
    assert _at(run, "metrics", "precision") == 0.9


def test_a_checkpoint_that_is_pruned_meanwhile_leaves_no_sidecar(run: Path) -> None:
    """No orphan is made."""
    meddler = Meddler((run / "a.ckpt").unlink)

    (outcome,) = convert(iter_checkpoints(run), [*default_sources(), meddler])

    assert outcome.status is Status.FAILED
    assert not _sidecar(run).exists()


def test_a_link_brings_its_targets_sidecar_up_to_date(
    run: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """`convert last.ckpt` judges what it points to, also where a sidecar stands already."""
    (run / "links").mkdir()
    (run / "links" / "last.ckpt").symlink_to("../a.ckpt")
    _convert(run)
    make_checkpoint(run / "a.ckpt", epoch=8)

    outcome = _convert(run / "links")["last.ckpt"]

    assert outcome.status is Status.SKIPPED
    assert _at(run, "training", "epoch") == 8


def test_a_loop_of_links_is_passed_by(run: Path) -> None:
    """A link to itself leads nowhere, and is said."""
    (run / "loop.ckpt").symlink_to("loop.ckpt")

    (outcome,) = convert(iter_checkpoints(run / "loop.ckpt"))

    assert (outcome.status, outcome.reason) == (Status.SKIPPED, "a dangling link to loop.ckpt")


@pytest.mark.parametrize("target_is_gone", [False, True])
def test_last_that_was_a_link_gets_a_sidecar_of_its_own(
    run: Path, target_is_gone: bool, make_checkpoint: Callable[..., Path]
) -> None:
    """Its linked sidecar is another file's: it gives way, and the other's stays."""
    (run / "last.ckpt").symlink_to("a.ckpt")
    _convert(run)
    (run / "last.ckpt").unlink()
    make_checkpoint(run / "last.ckpt", epoch=8)
    if target_is_gone:
        (run / "a.ckpt").unlink()
        _sidecar(run).unlink()

    outcome = _convert(run)["last.ckpt"]

    sidecar = run / "last.metadata.yaml"
    assert outcome.status is Status.CREATED
    assert not sidecar.is_symlink()
    assert look_up(read_sidecar(sidecar), ("training", "epoch")) == 8
    assert target_is_gone or _at(run, "training", "epoch") == 3


def test_a_file_in_the_place_of_a_linked_sidecar_is_said(run: Path) -> None:
    """It stays, and whoever reads the outcome knows that it does not follow the link."""
    (run / "last.ckpt").symlink_to("a.ckpt")
    write_sidecar(run / "last.metadata.yaml", {"schema_version": "2.0", "note": "mine"})

    outcome = _convert(run)["last.ckpt"]

    assert outcome.reason == (
        "a link to a.ckpt; last.metadata.yaml is a file of its own, and stays"
        " (remove it to have it linked)"
    )


def test_a_copied_checkpoint_of_an_old_format_keeps_its_sidecar(run: Path) -> None:
    """Without a fingerprint, size, epoch and step tell that a new time is no new checkpoint."""
    import torch

    content = torch.load(run / "a.ckpt", weights_only=False)
    torch.save(content, run / "a.ckpt", _use_new_zipfile_serialization=False)
    _convert(run)
    _edit(run, {"exp_name": "mine"})
    shutil.copy(run / "a.ckpt", run / "copy")
    (run / "copy").replace(run / "a.ckpt")

    outcome = _convert(run)["a.ckpt"]

    assert outcome.notes == ()
    assert _at(run, "exp_name") == "mine"


def test_a_configuration_that_comes_later_is_found(run: Path) -> None:
    """A sidecar is looked at again where its run has gained Hydra's files."""
    _convert(run)
    (run / ".hydra").mkdir()
    config = "trainer: {max_epochs: 30}\n"
    (run / ".hydra" / "config.yaml").write_text(config, encoding="utf-8")

    outcome = _convert(run)["a.ckpt"]

    assert outcome.status is Status.UPDATED
    assert _at(run, "training", "max_epochs") == 30
