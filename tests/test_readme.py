"""What the README promises beyond its commands, which tests/docs runs with those of every page."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT, blocks
from tests.docs.worlds import shell

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"


def _blocks(language: str) -> list[str]:
    return [block.body for block in blocks(README) if block.language == language]


def test_the_scripts_that_the_readme_names_are_there() -> None:
    """The two commands, and the example, are files that can be run."""
    named = re.findall(r"^(scripts/\w+)", "".join(_blocks("bash")), re.MULTILINE)

    assert set(named) == {"scripts/demo", "scripts/test", "scripts/example"}
    for name in named:
        assert os.access(ROOT / name, os.X_OK)
        assert subprocess.run(["bash", "-n", ROOT / name], check=False).returncode == 0


def test_the_hydra_block_composes(tmp_path: Path) -> None:
    """The README's configuration brings the callback into a real Hydra config."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    composed, _, _ = _blocks("yaml")
    (tmp_path / "callbacks").mkdir()
    (tmp_path / "config.yaml").write_text(composed, encoding="utf-8")
    (tmp_path / "callbacks" / "model_checkpoint.yaml").write_text(
        "model_checkpoint:\n  _target_: lightning.pytorch.callbacks.ModelCheckpoint\n",
        encoding="utf-8",
    )

    with initialize_config_dir(str(tmp_path), version_base=None):
        config = compose("config")

    assert list(config.callbacks) == ["model_checkpoint", "checkpoint_metadata"]
    callback = instantiate(config.callbacks.checkpoint_metadata)
    assert type(callback).__name__ == "MetadataCallback"


def test_the_plain_target_is_the_callback() -> None:
    """Naming the class in YAML works without the search path."""
    import yaml
    from hydra.utils import instantiate

    _, target, _ = _blocks("yaml")

    callback = instantiate(yaml.safe_load(target)["checkpoint_metadata"])

    assert type(callback).__name__ == "MetadataCallback"


def test_the_policy_is_one(world: Path) -> None:
    """The README's policy is accepted, and its requirements are met by the README's outputs."""
    _, _, policy = _blocks("yaml")
    (world / "policy.yaml").write_text(policy, encoding="utf-8")

    done = shell("ckpt-meta validate outputs --policy policy.yaml", world, world / "home")

    assert done.returncode == 0, done.stdout


def test_the_time_of_a_large_checkpoint_is_the_measured_one() -> None:
    """Ours and torch.load's stand in the README as on the page of figures."""
    page = (ROOT / "docs" / "explanation" / "performance.md").read_text(encoding="utf-8")
    row = re.search(
        r"^\| read 2 GB \| ([\d.]+) ms \| torch\.load: ([\d,]+) ms ", page, re.MULTILINE
    )
    assert row is not None
    ours, peer = float(row[1]), float(row[2].replace(",", "")) / 1000

    said = f"one of 2 GB is read in {ours:.1f} ms where `torch.load` takes {peer:.1f} s"

    assert said in README.read_text(encoding="utf-8")
