"""What lies around a checkpoint may be broken in any way: said once, and the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.convert import ConvertOptions, Status, convert
from checkpoint_meta.paths import iter_checkpoints
from tests.commands import ckpt_meta

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> Path:
    """Return a run of two checkpoints with Hydra's folder, which is empty."""
    for name in ("a", "b"):
        make_checkpoint(tmp_path / "run" / "checkpoints" / f"{name}.ckpt")
    (tmp_path / "run" / ".hydra").mkdir()
    return tmp_path / "run"


def _is_text(raw: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)

    return write


BROKEN = {
    "truncated YAML": (".hydra/config.yaml", _is_text(b"a: [1, 2"), "not YAML"),
    "not UTF-8": (".hydra/config.yaml", _is_text(b"\xff\xfe\x00bad"), "not UTF-8"),
    "not UTF-8 overrides": (".hydra/overrides.yaml", _is_text(b"- \xff"), "not UTF-8"),
    "an alias bomb": (
        ".hydra/config.yaml",
        _is_text(
            b"a: &a [x, x]\n"
            + b"".join(
                f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 20)}]\n".encode()
                for n in range(12)
            )
        ),
        "config.yaml",
    ),
    "a huge hparams.yaml": (
        "hparams.yaml",
        _is_text(b"".join(b"key%d: %s\n" % (n, b"x" * 400) for n in range(40_000))),
        "longer than",
    ),
    "not JSON": ("checkpoints/a.config.json", _is_text(b"{"), "not JSON"),
    "a log that is no table": ("metrics.csv", _is_text(b"\xff\xfe\x00"), "metrics.csv"),
    "W&B's file cut off": (
        "wandb/offline-run-20260101_000000-abcdefgh/run-abcdefgh.wandb",
        _is_text(b":W"),
        "run-abcdefgh.wandb",
    ),
    "events that are none": ("events.out.tfevents.1.x", _is_text(b"x" * 100), "tfevents"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_source_is_said_once_and_hinders_nobody(run: Path, case: str) -> None:
    """One line on stderr for the file, though nobody asked for notes; both are converted."""
    place, write, reason = BROKEN[case]
    write(run / place)

    result = ckpt_meta(run.parent, "convert", "run")

    assert result.returncode == 0, result.stderr
    assert result.stdout.count("created") == 2
    warnings = [line for line in result.stderr.splitlines() if Path(place).name in line]
    assert len(warnings) == 1
    assert reason in warnings[0]
    assert "Traceback" not in result.stderr
    again = ckpt_meta(run.parent, "convert", "run")
    assert again.stdout.count("unchanged") == 2


@pytest.mark.parametrize(
    "place", ["metrics.csv", ".hydra/config.yaml", "hparams.yaml", "checkpoints/a.config.json"]
)
def test_a_folder_in_the_place_of_a_file_is_passed_by(run: Path, place: str) -> None:
    """It is no source, and nothing is said."""
    (run / place).mkdir(parents=True)

    result = ckpt_meta(run.parent, "convert", "run")

    assert result.stdout.count("created") == 2
    assert len(result.stderr.splitlines()) == 1


def test_one_broken_file_of_hydra_does_not_hide_the_other(run: Path) -> None:
    """The overrides are read where the configuration is no YAML, and the other way round."""
    (run / ".hydra" / "config.yaml").write_text("a: [", encoding="utf-8")
    (run / ".hydra" / "overrides.yaml").write_text("- lr=0.1\n", encoding="utf-8")
    (run / "checkpoints" / "a.config.json").write_text("{", encoding="utf-8")
    (run / "hparams.yaml").write_text("lr: 0.1\n", encoding="utf-8")

    ckpt_meta(run.parent, "convert", "run")

    text = (run / "checkpoints" / "a.metadata.yaml").read_text(encoding="utf-8")
    assert "hydra_overrides: [lr=0.1]" in text
    assert "hyperparameters:\n  lr: 0.1" in text


def test_metrics_that_are_no_numbers_stay_out(
    tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    """NaN and infinity in a log are no metrics, and the finite ones of the row are."""
    loops = {
        "fit_loop": {
            "epoch_loop.state_dict": {"_batches_that_stepped": 400},
            "epoch_progress": {"current": {"ready": 4, "processed": 3}},
        }
    }
    make_checkpoint(tmp_path / "a.ckpt", score=None, monitor=None, extra={"loops": loops})
    (tmp_path / "metrics.csv").write_text(
        "epoch,step,val/hmean,val/loss,val/iou\n3,400,nan,inf,0.5\n", encoding="utf-8"
    )

    assert ckpt_meta(tmp_path, "convert", ".").returncode == 0

    text = (tmp_path / "a.metadata.yaml").read_text(encoding="utf-8")
    assert "val/iou: 0.5" in text
    assert "val/hmean" not in text
    assert "val/loss" not in text


@pytest.fixture
def read_only(run: Path) -> Path:
    """Return the run with a folder of checkpoints that nobody may write to."""
    (run / "checkpoints").chmod(0o555)
    return run


def test_a_read_only_folder_is_one_line_for_each(
    read_only: Path, request: pytest.FixtureRequest
) -> None:
    """Each checkpoint fails with its reason, and a dry run says what could be done."""
    # What is imported late may lie where nobody may look.
    list(convert(iter_checkpoints(read_only), options=ConvertOptions(dry_run=True)))
    request.getfixturevalue("unprivileged")

    dry = [*convert(iter_checkpoints(read_only), options=ConvertOptions(dry_run=True))]
    outcomes = [*convert(iter_checkpoints(read_only))]

    assert [one.status for one in dry] == [Status.CREATED] * 2
    assert [one.status for one in outcomes] == [Status.FAILED] * 2
    assert all("cannot be written (Permission denied)" in str(one.reason) for one in outcomes)
    assert not list(read_only.rglob("*.partial"))
