from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.readers import scalar_table
from checkpoint_meta.readers.scalar_table import NotALogError, ScalarTable

names = st.text(max_size=3)
rows = st.lists(
    st.tuples(st.integers(0, 5), st.dictionaries(names, st.floats(allow_nan=False))), max_size=20
)


@given(rows)
def test_rows_come_back_as_they_were_added(given_rows: list[tuple[int, dict[str, float]]]) -> None:
    """Each step has its rows, in their order and with their names."""
    table = ScalarTable()
    for step, row in given_rows:
        table.append(step, row)

    for step in range(6):
        assert list(table.rows_at(step)) == [row for at, row in given_rows if at == step]


def test_a_table_takes_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that never ends is an error, not all of the memory."""
    monkeypatch.setattr(scalar_table, "MOST_NUMBERS", 10)
    table = ScalarTable()
    table.append(0, dict.fromkeys("abcdefghij", 1.0))

    with pytest.raises(NotALogError):
        table.append(1, {"a": 1.0})


def test_a_hundred_thousand_rows_are_a_few_megabytes() -> None:
    """Memory is what the numbers take, not what dictionaries would."""
    table = ScalarTable()
    for step in range(100_000):
        table.append(step, {"train_loss": 1.0, "lr": 0.1, "epoch": 0.0})

    assert table.size_bytes < 6_000_000
