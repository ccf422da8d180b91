"""Policies: what they say together, and how their own mistakes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.evidence import Severity
from checkpoint_meta.rules.policy import PolicyError
from checkpoint_meta.rules.policy_file import policy_names, read_policy
from checkpoint_meta.validate import Gate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def write(tmp_path: Path) -> Path:
    """Return a folder with model families beside the policies that a test writes."""
    families = "families:\n  - {id: own, encoders: [resnet18], decoder: {name: unet}}\n"
    (tmp_path / "families.yaml").write_text(families, encoding="utf-8")
    return tmp_path


def policy_file(folder: Path, text: str, name: str = "ours.yaml") -> str:
    """Write a policy and return its name."""
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_the_package_has_two_policies() -> None:
    """Both can be read, and `ocr-detection` asks for more than `lightning`."""
    default, ocr = read_policy("lightning"), read_policy("ocr-detection")

    assert policy_names() == ["lightning", "ocr-detection"]
    assert set(default.require) < set(ocr.require)
    assert default.families is None
    assert ocr.families is not None
    assert len(ocr.families) == 9


def test_a_policy_adds_to_what_it_extends(write: Path) -> None:
    """Fields and conditions add up; severities and families of the policy itself win."""
    policy_file(write, "extends: lightning\nrules: {CM302: error, CM304: off}\n", "base.yaml")
    own = policy_file(
        write,
        "extends: base.yaml\nrequire: [metrics.hmean]\nwhere: ['hmean > 0.5']\n"
        "model_families: families.yaml\nrules: {CM302: warning}\n",
    )

    policy = read_policy(own)

    assert policy.require[-1] == ("metrics", "hmean")
    assert ("training", "epoch") in policy.require
    assert policy.where == ("hmean > 0.5",)
    assert [family.id for family in policy.families or ()] == ["own"]
    assert policy.severities == {"CM302": Severity.WARNING, "CM304": Severity.OFF}


def test_the_longest_prefix_decides(write: Path) -> None:
    """`CM3: off` with `CM303: error` leaves CM303 of all CM3xx."""
    policy = read_policy(policy_file(write, "rules: {CM3: off, CM303: error}\n"))

    gate = Gate(policy)

    assert gate.severity("CM303") is Severity.ERROR
    assert gate.severity("CM301") is Severity.OFF
    assert gate.severity("CM201") is Severity.ERROR


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("requires: [training.epoch]\n", ":1:1", "requires: no such key; there are extends"),
        ("require:\n  - metrics.hmaen\n", ":2:5", "did you mean 'metrics.hmean'?"),
        ("require: [training.nothing]\n", ":1:11", "no field 'training.nothing'"),
        ("rules: {CM999: error}\n", ":1:16", "no rule 'CM999'"),
        ("rules: {CM302: fatal}\n", ":1:16", "expected error, warning, off, got 'fatal'"),
        ("extends: lightening\n", ":1:10", "no policy 'lightening'; there are lightning"),
        ("extends: ours.yaml\n", ":1:10", "extend each other"),
        ("where: ['hmean >> 1']\n", ":1:9", "hmean >> 1\n"),
        ("where: ['']\n", ":1:9", "where.0: expected FIELD OPERATOR VALUE\n"),
        ("require: training.epoch\n", ":1:10", "require: expected a list"),
        ("require: [1]\n", ":1:11", "require.0: expected a text"),
        ("require: ['']\n", ":1:11", "require.0: expected the name of a field, got ''"),
        ("require: [a..b]\n", ":1:11", "require.0: expected the name of a field, got 'a..b'"),
        ("rules: [CM301]\n", ":1:1", "rules: expected a mapping"),
        ("rules: {'': off}\n", ":1:13", "no rule ''"),
        ("model_families: gone.yaml\n", ":1:17", "gone.yaml: cannot be read"),
        ("extends: gone.yaml\n", ":1:10", "gone.yaml: cannot be read"),
        ("require: [a\n", ":1:10", "not YAML"),
        ("rules: {CM302: off}\nrules: {}\n", ":2:1", "duplicate mapping key: 'rules'"),
        ("rules: {CM302: off, CM302: error}\n", ":1:21", "duplicate mapping key: 'CM302'"),
        ("rules:\n  402: error\n", ":2:3", "the key 402 is not a text"),
        ("where: ['metrics.hmaen >= 1']\n", ":1:9", "did you mean 'metrics.hmean'?"),
        ("where: ['epoch > 0 or training.epohc > 1']\n", ":1:9", "did you mean 'training.epoch'?"),
        ("where: ['model.depth > 1']\n", ":1:9", "where.0: no field 'model.depth'"),
        ("- a\n", ":1:1", "expected a mapping"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else None,
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, words: str, write: Path) -> None:
    """Each mistake names file, line and column, and what was expected."""
    with pytest.raises((PolicyError, ReadError)) as caught:
        read_policy(policy_file(write, text))

    assert f"ours.yaml{place}" in str(caught.value)
    assert words in str(caught.value)


def test_a_condition_that_does_not_parse_has_a_caret(write: Path) -> None:
    """The caret stands below the place where the expression stops making sense."""
    with pytest.raises(PolicyError) as caught:
        read_policy(policy_file(write, "where: ['hmean ~ 3']\n"))

    expression, caret = str(caught.value).splitlines()[-2:]
    assert expression[caret.index("^")] == "~"


def test_the_caret_stands_also_below_what_is_escaped(write: Path) -> None:
    """A control character in the expression reaches no terminal, and moves the caret."""
    with pytest.raises(PolicyError) as caught:
        read_policy(policy_file(write, "where: [\"exp_name == '\\e[31m' ~ 3\"]\n"))

    expression, caret = caught.value.lines[-2:]
    assert expression == "  exp_name == '\\x1b[31m' ~ 3"
    assert expression[caret.index("^")] == "~"


def test_every_mistake_is_told_at_once(write: Path) -> None:
    """Two mistakes are two lines."""
    with pytest.raises(PolicyError) as caught:
        read_policy(policy_file(write, "rules: {CM999: error}\nrequire: [metrics.hmaen]\n"))

    assert len(str(caught.value).splitlines()) == 2


def test_a_mistake_in_the_families_names_their_file(write: Path) -> None:
    """A typing error in the families file is told at its own place."""
    (write / "families.yaml").write_text("families:\n  - {id: a, encoder: [x]}\n", encoding="utf-8")

    with pytest.raises(PolicyError, match=r"families.yaml:2:\d+: families.0.encoder"):
        read_policy(policy_file(write, "model_families: families.yaml\n"))


def test_a_name_that_is_no_policy_says_which_there_are() -> None:
    """A policy that there is not is one line."""
    with pytest.raises(PolicyError, match="no policy 'strict'; there are lightning and ocr"):
        read_policy("strict")


@pytest.mark.parametrize(
    "condition",
    [
        "val/f1 >= 0.5",
        "metrics.val/f1 >= 0.5",
        "metrics.f1 > 0.5",
        "metrics.map > 0.5",
        "epochs > 5",
        "lr < 1",
        "hyperparameters.lr < 1",
        "dataset.version == 2",
        "step > 10 and encoder == 'resnet18'",
        "model.decoder.params.k == 3",
        "additional_metrics contains 'a'",
        "epoch >= 1 or best == true",
    ],
)
def test_a_condition_may_be_about_fields_of_the_projects_own(condition: str, write: Path) -> None:
    """Logged metrics, hyper-parameters, own fields and short names are no misspellings."""
    text = f'where: ["{condition}"]\n'

    assert read_policy(policy_file(write, text)).where == (condition,)


def test_a_field_of_the_projects_own_may_be_required(write: Path) -> None:
    """A key that the schema does not know is no mistake where it is nobody's misspelling."""
    policy = read_policy(policy_file(write, "require: [dataset.version, hyperparameters.lr]\n"))

    assert policy.require == (("dataset", "version"), ("hyperparameters", "lr"))
