from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.sources.model_checkpoint import Choice, basename, find_choice

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue

KEY = "ModelCheckpoint{'monitor': 'val/hmean', 'mode': 'max', 'every_n_epochs': 1}"


def _state(**changes: JSONValue) -> dict[str, JSONValue]:
    return {
        "monitor": "val/hmean",
        "best_model_path": "run/a.ckpt",
        "best_model_score": 0.9,
        "current_score": 0.8,
        "best_k_models": {"run/a.ckpt": 0.9, "run/b.ckpt": 0.8},
        "last_model_path": "run/last.ckpt",
        **changes,
    }


def test_the_score_is_the_files_own() -> None:
    """The best score of the run is never the score of another file."""
    assert find_choice({KEY: _state()}, "b.ckpt", "2.6.6") == Choice("val/hmean", "max", 0.8)


def test_runs_that_were_moved_are_matched_by_file_name() -> None:
    """A path that Windows wrote, or another machine, ends in the same name."""
    state = _state(best_k_models={"C:\\runs\\a=1.ckpt": 0.9}, current_score=0.9)

    choice = find_choice({KEY: state}, "a=1.ckpt", "2.6.6")

    assert choice is not None
    assert choice.score == 0.9
    assert basename("s3://bucket/run/a=1.ckpt") == "a=1.ckpt"


def test_last_has_the_current_score_since_2_6_only() -> None:
    """Up to 2.5 `current_score` may be another file's, so that nothing is said."""
    newer = find_choice({KEY: _state()}, "last.ckpt", "2.6.0")
    older = find_choice({KEY: _state()}, "last.ckpt", "2.5.5")

    assert newer is not None
    assert older is not None
    assert (newer.score, older.score) == (0.8, None)


def test_infinity_stands_for_nan() -> None:
    """Lightning keeps a NaN score as infinity; neither is a score."""
    state = _state(best_k_models={"run/b.ckpt": float("inf")}, current_score=float("nan"))

    choice = find_choice({KEY: state}, "b.ckpt", "2.6.6")

    assert choice is not None
    assert choice.score is None


def test_of_two_model_checkpoints_the_one_that_names_the_file() -> None:
    """Each has its own monitor; early stopping has a monitor too, and no files."""
    other = _state(monitor="val/loss", best_model_path="run/c.ckpt", best_k_models={})
    callbacks: dict[str, JSONValue] = {
        KEY: _state(),
        "ModelCheckpoint{'monitor': 'val/loss', 'mode': 'min'}": other,
        "EarlyStopping{'monitor': 'val/x', 'mode': 'min'}": {"best_score": 1.0},
    }

    choice = find_choice(callbacks, "c.ckpt", "2.6.6")

    assert choice is not None
    assert (choice.monitor, choice.mode) == ("val/loss", "min")
    assert find_choice(callbacks, "unnamed.ckpt", "2.6.6") is None


def test_of_two_files_of_one_name_the_one_in_its_folder() -> None:
    """Two ModelCheckpoints that name files alike write to folders of their own."""
    other = _state(monitor="val/loss", best_k_models={"other/b.ckpt": 0.3}, current_score=0.3)
    callbacks: dict[str, JSONValue] = {
        KEY: _state(),
        "ModelCheckpoint{'monitor': 'val/loss', 'mode': 'min'}": other,
    }

    assert find_choice(callbacks, "b.ckpt", "2.6.6", "run") == Choice("val/hmean", "max", 0.8)
    assert find_choice(callbacks, "b.ckpt", "2.6.6", "other") == Choice("val/loss", "min", 0.3)
    assert find_choice(callbacks, "b.ckpt", "2.6.6", "moved") is None


def test_a_subclass_keeps_its_own_name_in_the_key() -> None:
    """`UniqueModelCheckpoint{...}` is found by its state, not by its name."""
    choice = find_choice({f"Unique{KEY}": _state()}, "a.ckpt", "2.6.6")

    assert choice is not None
    assert choice.mode == "max"
