"""What a conversion makes of sidecars that the callback wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta import MetadataCallback
from checkpoint_meta.convert import Status, convert
from checkpoint_meta.paths import iter_checkpoints
from tests.training.tiny import Tiny, look, make_trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


def test_what_the_callback_wrote_stays_its_own(tmp_path: Path) -> None:
    """A conversion notes what it has seen; it takes no credit for what it did not add."""
    make_trainer(tmp_path, MetadataCallback(exp_name="mine")).fit(Tiny())
    written = look(tmp_path)

    first = list(convert(iter_checkpoints(tmp_path)))
    second = list(convert(iter_checkpoints(tmp_path)))

    (name,) = written.names
    (after,) = look(tmp_path).documents.values()
    before = written.documents[name]
    assert after | {"written_by": None} == before | {"written_by": None}
    assert look(tmp_path).at(name, "written_by.how") == "training"
    assert [outcome.status for outcome in (*first, *second)] == [Status.UPDATED, Status.UNCHANGED]
    assert (first[0].reason or "").startswith("nothing new in ")


def test_what_the_callback_did_not_know_is_added(tmp_path: Path) -> None:
    """Then the conversion is the one that wrote the sidecar."""
    make_trainer(tmp_path / "dbnet", MetadataCallback()).fit(Tiny())
    config = tmp_path / "dbnet" / ".hydra" / "config.yaml"
    config.parent.mkdir()
    config.write_text("exp_name: found-later\n", encoding="utf-8")

    (outcome,) = convert(iter_checkpoints(tmp_path))

    (name,) = look(tmp_path).names
    assert outcome.status is Status.UPDATED
    assert look(tmp_path).at(name, "hydra_config_path") is not None
    assert look(tmp_path).at(name, "written_by.how") == "convert"
