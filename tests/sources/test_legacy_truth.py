"""Every checkpoint that the system we replace left is described as it truly is."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.resolve import agrees
from checkpoint_meta.schema.fields import look_up
from checkpoint_meta.store import read_sidecar
from tests.sources.legacy import Truth, write_corpus

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue

SHARED: Final = Path(os.environ.get("CHECKPOINT_META_SHARED", Path(__file__).parents[3] / "shared"))
LEGACY: Final = SHARED / "legacy"
CORPORA: Final = ("outputs", "outputs-callback")

FIELDS: Final[dict[str, FieldPath]] = {
    "epoch": ("training", "epoch"),
    "global_step": ("training", "global_step"),
    "monitor": ("checkpointing", "monitor"),
    "mode": ("checkpointing", "mode"),
    "score": ("checkpointing", "score"),
    "architecture": ("model", "architecture"),
    "encoder": ("model", "encoder", "model_name"),
    "decoder": ("model", "decoder", "name"),
    "decoder_in": ("model", "decoder", "in_channels"),
    "decoder_inner": ("model", "decoder", "inner_channels"),
    "decoder_out": ("model", "decoder", "output_channels"),
    "head": ("model", "head", "name"),
    "head_in": ("model", "head", "in_channels"),
}
"""Word of the truth files -> field of the sidecar."""

Documents = dict[str, dict[str, "JSONValue"]]


def _truths(corpus: str) -> list[Truth]:
    file = LEGACY / f"{corpus}.truth.json"
    if not file.is_file():
        return []
    truths: list[Truth] = json.loads(file.read_text(encoding="utf-8"))
    return [{**truth, "path": truth["path"].removeprefix("outputs/")} for truth in truths]


def _convert(root: Path) -> Documents:
    outcomes = list(convert(iter_checkpoints(root)))
    assert [one.reason for one in outcomes if one.reason] == []
    return {
        str(one.checkpoint.path.relative_to(root)): read_sidecar(one.checkpoint.sidecar)
        for one in outcomes
    }


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Documents]:
    """Return the sidecars of both corpora, written into a copy."""
    found: dict[str, Documents] = {}
    for corpus in CORPORA:
        root = tmp_path_factory.mktemp("legacy") / corpus
        shutil.copytree(LEGACY / corpus, root, copy_function=shutil.copyfile)
        for folder in (root, *root.rglob("*")):
            if folder.is_dir():
                folder.chmod(0o755)
        found[corpus] = _convert(root)
    return found


def _wrong(document: dict[str, JSONValue], truth: Truth) -> dict[str, tuple[JSONValue, JSONValue]]:
    """Return each field that is not what is true, with both values."""
    expected = {FIELDS[word]: truth[word] for word in FIELDS}
    # Where the checkpoint keeps no metrics, its score is the one that is known.
    scored = {"hmean": truth["score"]} if truth["monitor"] == "val/hmean" else {}
    metrics = truth["metrics"] or scored
    for name in ("precision", "recall", "hmean"):
        expected["metrics", name] = metrics.get(name)
    return {
        ".".join(field): (look_up(document, field), value)
        for field, value in expected.items()
        if not agrees(look_up(document, field), value)
    }


@pytest.mark.skipif(not LEGACY.is_dir(), reason="the legacy corpus lies beside the project")
@pytest.mark.parametrize(
    ("corpus", "truth"),
    [(corpus, truth) for corpus in CORPORA for truth in _truths(corpus)],
    ids=lambda value: value if isinstance(value, str) else value["path"],
)
def test_a_checkpoint_of_the_legacy_corpus(
    corpus: str, truth: Truth, converted: dict[str, Documents]
) -> None:
    """Epoch, step, metrics, choice and model are the truth file's."""
    assert _wrong(converted[corpus][truth["path"]], truth) == {}


@pytest.mark.parametrize("old_sidecars", [False, True], ids=["bare", "with wrong sidecars"])
def test_a_small_corpus_of_our_own(tmp_path: Path, *, old_sidecars: bool) -> None:
    """So it is where the corpus is not there; the old callback's wrong values are outranked."""
    truths = write_corpus(tmp_path, old_sidecars=old_sidecars)
    documents = _convert(tmp_path)

    wrong = {
        truth["path"]: found
        for truth in truths
        if (found := _wrong(documents[truth["path"]], truth))
    }

    assert len(documents) == len(truths) == 12
    assert wrong == {}


def test_the_old_callbacks_metrics_are_nowhere(tmp_path: Path) -> None:
    """What it wrote about another file stands in no field, however it was named."""
    write_corpus(tmp_path, old_sidecars=True)

    for document in _convert(tmp_path).values():
        metrics = document.get("metrics", {})
        assert isinstance(metrics, dict)
        assert metrics.get("hmean") != 0.135
        assert "batch_0/hmean" not in str(metrics)
