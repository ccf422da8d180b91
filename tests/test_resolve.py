from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.evidence import Fragment, Origin
from checkpoint_meta.resolve import PRECEDENCE, agrees, resolve

if TYPE_CHECKING:
    import random

    from checkpoint_meta.evidence import FieldPath

fields = st.sampled_from([("training", "epoch"), ("metrics", "hmean"), ("exp_name",)])
origins = st.builds(Origin, st.sampled_from([*PRECEDENCE, "other"]), st.sampled_from(["a", "b"]))
fragments = st.lists(
    st.builds(Fragment, origins, st.dictionaries(fields, st.integers(0, 3) | st.text(max_size=1))),
    max_size=8,
)

EPOCH: FieldPath = ("training", "epoch")


@given(fragments, st.permutations(PRECEDENCE))
def test_no_claim_is_lost(given_fragments: list[Fragment], precedence: list[str]) -> None:
    """Each claimed value is the winner, or stands in `conflicts`."""
    resolution = resolve(given_fragments, precedence=precedence)

    lost = {(one.field, one.value, one.origin) for one in resolution.conflicts}
    for fragment in given_fragments:
        for field, value in fragment.values.items():
            is_winner = agrees(resolution.values[field], value)
            assert is_winner or (field, value, fragment.origin) in lost


@given(fragments, st.permutations(PRECEDENCE), st.randoms(use_true_random=False))
def test_the_order_of_sources_makes_no_difference(
    given_fragments: list[Fragment], precedence: list[str], chance: random.Random
) -> None:
    """Whoever asks the sources in another order gets the same answer, whatever the precedence."""
    shuffled = list(given_fragments)
    chance.shuffle(shuffled)

    assert resolve(shuffled, precedence=precedence) == resolve(
        given_fragments, precedence=precedence
    )


@given(fragments, st.permutations(PRECEDENCE))
def test_the_winner_is_the_most_trusted(
    given_fragments: list[Fragment], precedence: list[str]
) -> None:
    """No conflict comes from a source that is trusted more than the winner's."""
    rank = {name: place for place, name in enumerate(precedence)}
    resolution = resolve(given_fragments, precedence=precedence)

    for conflict in resolution.conflicts:
        winner = rank.get(resolution.provenance[conflict.field].source, 99)
        assert winner <= rank.get(conflict.origin.source, 99)


def test_the_checkpoint_outranks_the_file_name() -> None:
    """A name may be a sibling's; the checkpoint knows its own epoch."""
    named = Fragment(Origin("filename", "epoch=7.ckpt"), {EPOCH: 7})
    inside = Fragment(Origin("checkpoint", "epoch=7.ckpt"), {EPOCH: 3})

    resolution = resolve([named, inside])

    assert resolution.values == {EPOCH: 3}
    assert [conflict.value for conflict in resolution.conflicts] == [7]


def test_precedence_can_be_changed() -> None:
    """Whoever trusts names more says so."""
    named = Fragment(Origin("filename", "epoch=7.ckpt"), {EPOCH: 7})
    inside = Fragment(Origin("checkpoint", "epoch=7.ckpt"), {EPOCH: 3})

    resolution = resolve([named, inside], precedence=("filename", "checkpoint"))

    assert resolution.values == {EPOCH: 7}


def test_float32_does_not_contradict_float64() -> None:
    """Scores are stored as float32; the same number at lower precision is no conflict."""
    assert agrees(0.902726, 0.9027259945869446)
    assert not agrees(0.902726, 0.90273)


def test_a_printed_number_agrees_after_rounding() -> None:
    """`hmean=0.8947` in a name is the score 0.894681 with four decimals."""
    assert agrees(0.894681, 0.8947, decimals=4)
    assert not agrees(0.89461, 0.8947, decimals=4)


def test_numbers_of_any_size_are_compared() -> None:
    """A number too large for a float is like any other."""
    assert agrees(10**400, 10**400)
    assert not agrees(10**400, 1.5)


def test_true_is_not_one() -> None:
    """A flag and a number are different claims."""
    assert not agrees(True, 1)
