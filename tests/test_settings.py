"""What a project sets once, in checkpoint-meta.toml or pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.errors import SettingError
from checkpoint_meta.settings import find_settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_settings_are_found_above_and_are_relative_to_themselves(tmp_path: Path) -> None:
    """The nearest file above decides; a policy and a mirror are meant from its own folder."""
    inner = tmp_path / "outputs" / "run"
    inner.mkdir(parents=True)
    (tmp_path / "checkpoint-meta.toml").write_text(
        'policy = "ours.yaml"\npatterns = ["*.weights"]\nsidecar_dir = "mirror"\n'
        '[metrics]\nhmean = "val/f1"\n'
        '[[validate.ignore]]\nrule = "CM302"\nreason = "renamed by hand"\npath = "old/*"\n',
        encoding="utf-8",
    )

    found = find_settings(inner)

    assert found.policy == str(tmp_path / "ours.yaml")
    assert found.patterns == ("*.weights",)
    assert found.sidecar_dir == tmp_path / "mirror"
    assert found.metrics == {"hmean": "val/f1"}
    assert [(one.rule, one.reason, one.path) for one in found.ignore] == [
        ("CM302", "renamed by hand", "old/*")
    ]


def test_pyproject_has_a_table_of_its_own(tmp_path: Path) -> None:
    """`[tool.checkpoint-meta]` says the same; a policy of the package keeps its name."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.checkpoint-meta]\npolicy = "ocr-detection"\n', encoding="utf-8"
    )

    assert find_settings(tmp_path).policy == "ocr-detection"


def test_nothing_set_is_nothing_said(tmp_path: Path) -> None:
    """Without a file, or with a pyproject.toml of other tools, there are no settings."""
    (tmp_path / "pyproject.toml").write_text("[tool]\n", encoding="utf-8")

    found = find_settings(tmp_path)

    assert (found.policy, found.patterns, found.sidecar_dir, found.ignore) == (None, (), None, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policy = 3\n", "policy: expected a text, got 3"),
        ('patterns = "*.weights"\n', "patterns: expected a list of texts"),
        ("patterns = [3]\n", "patterns: expected a text, got 3"),
        ("metrics = []\n", "metrics: expected a table"),
        ("[metrics]\nhmean = 3\n", "metrics.hmean: expected a text"),
        ("[metrics]\nhmaen = 'val/f1'\n", "metrics: no setting 'hmaen'; there are hmean, prec"),
        ("validate = 3\n", "validate: expected a table"),
        ("[validate]\nignore = 3\n", "validate.ignore: expected a list of tables"),
        ("[validate]\nignore = [3]\n", "validate.ignore: expected a table"),
        ('[[validate.ignore]]\nrule = "CM302"\n', "each needs a rule and a reason"),
        ('[[validate.ignore]]\nrule = "CM302"\nwhy = "x"\n', "no setting 'why'"),
        ('polices = "x"\n', "no setting 'polices'"),
        ("policy = \n", "not TOML"),
        ("policy = '\xff'\n", "not TOML"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    """One sentence names the file, the setting and what was expected."""
    file = tmp_path / "checkpoint-meta.toml"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(SettingError) as caught:
        read_settings(file)

    assert str(file) in str(caught.value)
    assert says in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder of that name is no settings file."""
    folder = tmp_path / "checkpoint-meta.toml"
    folder.mkdir()

    with pytest.raises(SettingError, match="cannot be read"):
        read_settings(folder)
