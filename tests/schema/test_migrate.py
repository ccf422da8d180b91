from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.errors import DocumentError
from checkpoint_meta.schema.document import check_document, parse_document
from checkpoint_meta.schema.migrate import migrate
from checkpoint_meta.store import read_sidecar, write_sidecar

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

CORPUS = Path(__file__).parent.parent / "corpus" / "sidecars"
REAL_1_0 = sorted(CORPUS.glob("*.metadata.yaml"))


@pytest.mark.parametrize("path", REAL_1_0, ids=lambda path: path.name)
def test_real_1_0_sidecars_come_back_unchanged(path: Path, tmp_path: Path) -> None:
    """Each real sidecar loads, upgrades to a valid 2.0 file, and comes back as it was."""
    document = read_sidecar(path)
    upgraded = migrate(document, "2.0")
    write_sidecar(tmp_path / "x.metadata.yaml", upgraded)

    back = migrate(read_sidecar(tmp_path / "x.metadata.yaml"), "1.0")

    assert back == document == yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [problem.code for problem in check_document(upgraded)] in ([], ["CM108"])
    assert parse_document(document).schema_version == "2.0"


def test_an_upgrade_says_nothing_where_1_0_says_unknown() -> None:
    """`unknown` is the 1.0 word for nothing."""
    document = read_sidecar(CORPUS / "1_callback_best-v1.metadata.yaml")

    metadata = parse_document(document)

    assert metadata.model is not None
    assert metadata.model.architecture is None
    assert "unknown" not in json.dumps(migrate(document, "2.0"))


def test_an_upgrade_makes_paths_relative_to_the_sidecar() -> None:
    """2.0 names the checkpoint and the configuration from where the sidecar stands."""
    document = read_sidecar(CORPUS / "1_callback_best-v1.metadata.yaml")

    upgraded = migrate(document, "2.0")

    assert upgraded["checkpoint_path"] == "best-v1.ckpt"
    assert upgraded["hydra_config_path"] == "../.hydra/config.yaml"


def _minimal() -> dict[str, JSONValue]:
    return {
        "schema_version": "2.0",
        "checkpoint_path": "x.ckpt",
        "training": {"epoch": 3, "global_step": 400},
        "checkpointing": {"mode": "max"},
    }


def test_1_0_is_written_with_unknown_where_a_text_is_demanded() -> None:
    """A minimal 2.0 document is a valid 1.0 one after its downgrade."""
    written = migrate(_minimal(), "1.0", folder="run/checkpoints")

    assert check_document(written) == []
    assert written["checkpoint_path"] == "run/checkpoints/x.ckpt"
    assert written["exp_name"] == "unknown"


@pytest.mark.parametrize(
    ("block", "key"),
    [("training", "epoch"), ("training", "global_step"), ("checkpointing", "mode")],
)
def test_1_0_is_refused_without_the_facts_that_it_demands(block: str, key: str) -> None:
    """An epoch, a step or a mode that nobody knows cannot be invented."""
    document = _minimal()
    inner = document[block]
    assert isinstance(inner, dict)
    del inner[key]

    with pytest.raises(DocumentError) as caught:
        migrate(document, "1.0")

    assert [problem.field for problem in caught.value.problems] == [(block, key)]


def test_1_0_holds_a_negative_loss_among_the_other_metrics() -> None:
    """1.0 refuses a negative validation loss; nothing is lost."""
    document = _minimal() | {"metrics": {"validation_loss": -1.5, "hmean": 0.5}}

    written = migrate(document, "1.0")

    assert check_document(written) == []
    assert written["metrics"] == {"hmean": 0.5, "additional_metrics": {"validation_loss": -1.5}}


def test_1_0_holds_a_linked_last_as_true() -> None:
    """`save_last: link` of Lightning 2.2 and newer is a truth value in 1.0."""
    document = _minimal() | {"checkpointing": {"mode": "max", "save_last": "link"}}

    assert check_document(migrate(document, "1.0")) == []


def test_unknown_keys_pass_through_both_ways() -> None:
    """A key that a person added is there after an upgrade and a downgrade, at every depth."""
    document = migrate(_minimal() | {"note": "good", "wandb": {"sweep": "a"}}, "1.0")

    assert migrate(document, "2.0")["note"] == "good"
    assert migrate(migrate(document, "2.0"), "1.0") == document


texts = st.text(max_size=8)
numbers = st.floats(0, 1)


@given(
    epoch=st.integers(0, 999),
    name=texts,
    monitor=st.sampled_from(["val/hmean", "unknown"]),
    hmean=st.none() | numbers,
    extra=st.dictionaries(texts.map("x_{}".format), st.integers() | texts, max_size=3),
    folder=st.sampled_from(["", "a/", "a/b c/", "a=1/"]),
    config=st.none()
    | st.sampled_from(["", "a/.hydra/config.yaml", "../x.yaml", "c.yaml", "/c.yaml"]),
)
def test_any_1_0_document_comes_back(  # noqa: PLR0917 - hypothesis hands them over by name
    epoch: int,
    name: str,
    monitor: str,
    hmean: float | None,
    extra: dict[str, JSONValue],
    folder: str,
    config: str | None,
) -> None:
    """Upgrading and writing back is the identity on 1.0 documents, whatever they hold."""
    document: dict[str, JSONValue] = {
        "schema_version": "1.0",
        "checkpoint_path": f"{folder}x.ckpt",
        "exp_name": name,
        "created_at": "2025-10-01T06:26:40",
        "training": {"epoch": epoch, "global_step": epoch + 1},
        "model": {
            "architecture": "unknown",
            "encoder": {"model_name": name},
            "decoder": {"name": "unknown", "in_channels": []},
            "head": {"name": "db_head", "in_channels": None},
            "loss": {"name": "unknown"},
        },
        "metrics": {"hmean": hmean},
        "checkpointing": {"monitor": monitor, "mode": "min"},
        "hydra_config_path": config,
        **extra,
    }

    assert check_document(document) == []
    assert migrate(migrate(document, "2.0"), "1.0") == document
