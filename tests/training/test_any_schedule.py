from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.callbacks import ModelCheckpoint

from checkpoint_meta import MetadataCallback
from checkpoint_meta.schema.fields import look_up
from tests.training.tiny import Tiny, look, make_trainer

pytestmark = pytest.mark.train


class KeepsTheTruth(Tiny):
    """Puts into each checkpoint which validations it has seen, and what the last batch logged."""

    def __init__(self, hmeans: list[float]) -> None:
        super().__init__(hmeans)
        self.seen: list[tuple[int, int, float]] = []
        self.last_batch = 0.0

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        """Log a number that no other batch logs."""
        self.last_batch = self.current_epoch + batch_idx / 16
        self.log("batch", self.last_batch)
        return super().training_step(batch, batch_idx)

    def on_validation_epoch_end(self) -> None:
        """Remember what was measured, and when."""
        hmean = self.hmeans[self.validations % len(self.hmeans)]
        self.seen.append((self.current_epoch, self.global_step, hmean))
        super().on_validation_epoch_end()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put it into the checkpoint."""
        checkpoint["truth"] = (list(self.seen), self.last_batch)


def _state_key(trigger: dict[str, Any]) -> tuple[object, object]:
    """Return what Lightning tells two ModelCheckpoints apart by."""
    return trigger.get("every_n_train_steps"), trigger.get("every_n_epochs")


triggers = st.one_of(
    st.builds(lambda n: {"every_n_train_steps": n}, st.integers(1, 5)),
    st.builds(
        lambda n, at: {"every_n_epochs": n, "save_on_train_epoch_end": at},
        st.integers(1, 2),
        st.sampled_from([True, False, None]),
    ),
)
trainings = st.fixed_dictionaries(
    {
        "max_epochs": st.integers(1, 3),
        "accumulate_grad_batches": st.sampled_from([1, 1, 2, 3]),
        "check_val_every_n_epoch": st.sampled_from([1, 1, 2]),
        "val_check_interval": st.sampled_from([1.0, 1.0, 0.5, 0.25]),
        "limit_val_batches": st.sampled_from([1.0, 1.0, 0]),
    }
)


@settings(max_examples=40)
@given(
    triggers=st.lists(triggers, min_size=1, max_size=2, unique_by=_state_key),
    options=trainings,
    hmeans=st.lists(st.sampled_from([0.25, 0.5, 0.75]), min_size=1, max_size=4),
)
def test_whatever_the_schedule_the_numbers_are_this_steps_own(
    triggers: list[dict[str, Any]], options: dict[str, Any], hmeans: list[float]
) -> None:
    """A validation is this checkpoint's exactly if it ran at its step, before it was saved."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        owners = [
            ModelCheckpoint(root / str(number), "{epoch}-{step}", save_top_k=-1, **trigger)
            for number, trigger in enumerate(triggers)
        ]
        callback = MetadataCallback(strict=True)
        make_trainer(root, callback, *owners, **options).fit(KeepsTheTruth(hmeans))

        for name, document in look(root).documents.items():
            contents = torch.load(root / name, weights_only=False)
            _compare(document, contents["global_step"], *contents["truth"])


def _compare(
    document: dict[str, Any], step: int, seen: list[tuple[int, int, float]], last_batch: float
) -> None:
    epoch, at, hmean = seen[-1] if seen else (None, None, None)
    if at == step:
        assert look_up(document, ("metrics", "hmean")) == hmean
        assert "last_validation" not in document
    else:
        assert look_up(document, ("metrics", "hmean")) is None
        assert look_up(document, ("last_validation", "epoch")) == epoch
        assert look_up(document, ("last_validation", "global_step")) == at
        assert look_up(document, ("last_validation", "metrics", "val/hmean")) == hmean
    assert look_up(document, ("metrics", "additional_metrics", "batch")) == last_batch
