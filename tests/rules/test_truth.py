"""What the rules about the truth hold against a sidecar, and what they let pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from checkpoint_meta.convert import convert
from checkpoint_meta.paths import iter_checkpoints
from checkpoint_meta.rules.policy import Policy
from checkpoint_meta.rules.rulebook import select_rules
from checkpoint_meta.rules.subjects import iter_subjects
from checkpoint_meta.validate import Gate, validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Path]

HEAD: Final = 'schema_version: "2.0"\ncheckpoint_path: {name}\ncreated_at: "2026-11-23T21:09:00Z"\n'


def found(
    checkpoint: Path, text: str, gate: Gate | None = None, head: str = HEAD
) -> list[tuple[str, str]]:
    """Return code and message of what is found about one checkpoint with this sidecar."""
    sidecar = checkpoint.with_suffix(".metadata.yaml")
    sidecar.write_text(head.format(name=checkpoint.name) + text, encoding="utf-8")
    findings = validate(iter_subjects(checkpoint), gate)
    return [(one.problem.code, str(one.problem)) for one in findings]


def test_a_changed_size_is_seen_where_nothing_else_is(
    tmp_path: Path, make_checkpoint: Make
) -> None:
    """Of a file that was cut off, its size is known without reading a byte."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    list(convert(iter_checkpoints(tmp_path)))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-200])
    gate = Gate(codes=select_rules(["CM1", "CM2"]))

    findings = list(validate(iter_subjects(tmp_path), gate))

    assert [one.problem.code for one in findings] == ["CM204"]


def test_per_cents_under_a_name_of_the_projects_own(tmp_path: Path, make_checkpoint: Make) -> None:
    """What the settings call the hmean is held to 0 to 1, and what they do not is not."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    text = "metrics: {additional_metrics: {cleval: 84.0, val/f1: 84.0}}\n"
    codes = frozenset({"CM310"})

    plain = found(checkpoint, text, Gate(codes=codes))
    named = found(checkpoint, text, Gate(codes=codes, aliases={"hmean": "cleval"}))

    assert [message.partition(":")[0] for _, message in plain] == [
        "metrics.additional_metrics.val/f1"
    ]
    assert [message.partition(":")[0] for _, message in named] == [
        "metrics.additional_metrics.cleval"
    ]


def test_a_second_best_names_the_first(tmp_path: Path, make_checkpoint: Make) -> None:
    """Whoever reads of one of them knows which the other is."""
    text = "checkpointing: {monitor: val/loss, mode: min, best: true}\n"
    gate = Gate(codes=frozenset({"CM309"}))
    for name in ("a.ckpt", "b.ckpt"):
        found(make_checkpoint(tmp_path / name), text)

    (finding,) = validate(iter_subjects(tmp_path), gate)

    assert finding.path.name == "b.metadata.yaml"
    assert finding.problem.message.endswith("; the first is a.metadata.yaml")


def test_a_text_is_told_from_a_number(tmp_path: Path, make_checkpoint: Make) -> None:
    """A text of the same digits is quoted, so that nobody reads `expected 3, got 3`."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    gate = Gate(codes=frozenset({"CM301"}))

    assert found(checkpoint, 'training: {epoch: "3", global_step: 400}\n', gate) == [
        ("CM301", "training.epoch: expected 3, as the checkpoint says, got '3'")
    ]


@pytest.mark.parametrize("value", [".nan", ".inf", "null"])
def test_what_is_required_is_a_finite_number(
    value: str, tmp_path: Path, make_checkpoint: Make
) -> None:
    """NaN is no value of a required field, whichever other rules are asked."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    gate = Gate(Policy(require=(("metrics", "hmean"),)), codes=frozenset({"CM503"}))

    assert [code for code, _ in found(checkpoint, f"metrics: {{hmean: {value}}}\n", gate)] == [
        "CM503"
    ]
    assert found(checkpoint, "metrics: {hmean: 0.5}\n", gate) == []


def test_a_pinned_field_is_a_persons(tmp_path: Path, make_checkpoint: Make) -> None:
    """What a person has set for good is not held against the checkpoint."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    text = "training: {epoch: 9, global_step: 400}\n"

    assert [code for code, _ in found(checkpoint, text)] == ["CM301"]
    assert found(checkpoint, f"{text}pinned: [training.epoch]\n") == []


@pytest.mark.parametrize(
    ("metrics", "code"),
    [
        ("{precision: 0.9, recall: 0.8, hmean: 0.85}", None),
        ("{precision: 0.9, recall: 0.8, hmean: 0.85009}", None),
        ("{precision: 0.9, recall: 0.8, hmean: 0.8502}", "CM303"),
        ("{precision: 0.9, recall: 0.8, hmean: 0.84706}", None),
        ("{precision: 0.9, recall: 0.8, hmean: 0.84690}", "CM304"),
        ("{precision: 0.0, recall: 0.0, hmean: 0.0}", None),
        ("{precision: 0.9, hmean: 0.99}", None),
    ],
)
def test_the_limits_of_hmean(
    metrics: str, code: str | None, tmp_path: Path, make_checkpoint: Make
) -> None:
    """From the harmonic to the arithmetic mean, 1e-4 to either side, all is possible."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", score=None, monitor=None)
    text = f"training: {{epoch: 3, global_step: 400}}\nmetrics: {metrics}\n"

    assert [one for one, _ in found(checkpoint, text)] == ([code] if code else [])


def test_a_score_is_compared_as_float32(tmp_path: Path, make_checkpoint: Make) -> None:
    """A score that went through float32 is still the same number."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", score=0.1)
    text = (
        "training: {epoch: 3, global_step: 400}\n"
        "checkpointing: {monitor: val/hmean, mode: max, score: 0.1}\nmetrics: {hmean: 0.1}\n"
    )

    assert found(checkpoint, text) == []


@pytest.mark.parametrize(
    ("monitor", "said", "mentions"),
    [("val/loss", "min", "mode"), ("val/hmean", "max", None)],
)
def test_the_mode_is_the_checkpoints(
    monitor: str, said: str, mentions: str | None, tmp_path: Path, make_checkpoint: Make
) -> None:
    """The mode is compared with the one in the ModelCheckpoint's own key."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", monitor=monitor, mode="max")
    text = (
        "training: {epoch: 3, global_step: 400}\n"
        f"checkpointing: {{monitor: {monitor}, mode: {said}, score: 0.875}}\n"
    )

    messages = [message for _, message in found(checkpoint, text)]

    assert len(messages) == (1 if mentions else 0)
    assert all(f"checkpointing.{mentions}" in message for message in messages)


def test_the_score_is_the_monitored_metric(tmp_path: Path, make_checkpoint: Make) -> None:
    """Where the checkpoint is silent, the sidecar must still agree with itself."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", score=None, monitor=None)
    text = (
        "training: {epoch: 3, global_step: 400}\n"
        "checkpointing: {monitor: val/hmean, mode: max, score: 0.5}\nmetrics: {hmean: 0.75}\n"
    )

    (only,) = found(checkpoint, text)

    assert only == (
        "CM305",
        "checkpointing.score: 0.5 is not val/hmean, which is 0.75 in metrics.hmean",
    )


def test_a_projects_own_names_are_known(tmp_path: Path, make_checkpoint: Make) -> None:
    """With `metrics = { hmean = "val/quality" }` the score under that name is the hmean."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt", monitor="val/quality")
    text = "training: {epoch: 3, global_step: 400}\nmetrics: {hmean: 0.5}\n"

    assert found(checkpoint, text) == []
    aliased = found(checkpoint, text, Gate(aliases={"hmean": "val/quality"}))
    assert [code for code, _ in aliased] == ["CM306"]


def test_the_best_of_the_run_is_not_the_last(tmp_path: Path, make_checkpoint: Make) -> None:
    """`last.ckpt` with the best one's score, though it is of another step, has the run's."""
    best = make_checkpoint(tmp_path / "best.ckpt", epoch=1, global_step=100)
    last = make_checkpoint(tmp_path / "last.ckpt", lightning="2.4.0", extra={"callbacks": {}})
    _remember(last, best)
    text = "training: {epoch: 3, global_step: 400}\nmetrics: {hmean: 0.875}\n"

    (only,) = found(last, text)

    assert only == (
        "CM308",
        "metrics.hmean: 0.875 is the val/hmean of best.ckpt, not this checkpoint's",
    )


def test_a_last_of_the_same_step_has_the_bests_score(tmp_path: Path, make_checkpoint: Make) -> None:
    """`last.ckpt` is often written at the best one's very step, and then has its metrics."""
    best = make_checkpoint(tmp_path / "best.ckpt")
    last = make_checkpoint(tmp_path / "last.ckpt", lightning="2.4.0")
    _remember(last, best)

    text = "training: {epoch: 3, global_step: 400}\nmetrics: {hmean: 0.875}\n"

    assert found(last, text) == []


def _remember(last: Path, best: Path) -> None:
    """Give `last` the state of a ModelCheckpoint whose best file is another."""
    import torch

    content = torch.load(last, weights_only=True)
    content["callbacks"] = {
        "ModelCheckpoint{'monitor': 'val/hmean', 'mode': 'max'}": {
            "monitor": "val/hmean",
            "best_model_score": 0.875,
            "best_model_path": f"somewhere/else/{best.name}",
            "best_k_models": {f"somewhere/else/{best.name}": 0.875},
            "current_score": 0.5,
            "last_model_path": f"somewhere/else/{last.name}",
        }
    }
    torch.save(content, last)


def test_a_name_is_rounded_as_it_is_printed(tmp_path: Path, make_checkpoint: Make) -> None:
    """`hmean=0.88` is 0.875 printed with two decimals; `hmean=0.91` is not."""
    text = "training: {epoch: 3, global_step: 400}\nmetrics: {hmean: 0.875}\n"
    right = make_checkpoint(tmp_path / "hmean=0.88.ckpt")
    wrong = make_checkpoint(tmp_path / "hmean=0.91.ckpt")
    names = (f"{one.name.removesuffix('.ckpt')}.metadata.yaml" for one in (right, wrong))

    for name, checkpoint in zip(names, (right, wrong), strict=True):
        written = HEAD.format(name=checkpoint.name) + text
        (tmp_path / name).write_text(written, encoding="utf-8")
    results = [one.problem.code for one in validate(iter_subjects(tmp_path))]

    assert results == ["CM302"]


V1: Final = """\
schema_version: "1.0"
checkpoint_path: {name}
exp_name: demo
created_at: "2026-11-23T21:09:00"
training: {{epoch: 3, global_step: 400}}
model:
  architecture: unknown
  encoder: {{model_name: unknown}}
  decoder: {{name: unknown}}
  head: {{name: unknown}}
  loss: {{name: unknown}}
metrics: {{}}
checkpointing: {{monitor: unknown, mode: max}}
"""


@pytest.mark.parametrize("folder", ["", "demo/checkpoints/", "demo\\\\checkpoints\\\\"])
def test_a_1_0_path_is_compared_by_its_name(
    folder: str, tmp_path: Path, make_checkpoint: Make
) -> None:
    """1.0 paths are relative to a folder that nobody knows; `unknown` says nothing."""
    checkpoint = make_checkpoint(tmp_path / "a.ckpt")
    head = V1.replace("{name}", f'"{folder}{{name}}"')

    assert [code for code, _ in found(checkpoint, "", head=head)] == ["CM110"]
