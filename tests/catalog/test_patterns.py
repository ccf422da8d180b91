from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.catalog.pattern_syntax import compile_pattern
from checkpoint_meta.catalog.patterns import PatternError

atoms = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\d", r"\.", "-"])
expressions = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
        | st.lists(inner, min_size=1, max_size=3).map(lambda arms: f"({'|'.join(arms)})")
    ),
    max_leaves=6,
)
anchored = st.tuples(st.sampled_from(["", "^"]), expressions, st.sampled_from(["", "$"])).map(
    "".join
)


@given(anchored, st.text("abc-.1", max_size=12))
def test_it_finds_what_python_finds(expression: str, text: str) -> None:
    """Whether an expression matches is the same as with `re`."""
    assert compile_pattern(expression).search(text) == bool(re.search(expression, text))


@pytest.mark.parametrize(
    ("expression", "text"),
    [("(a+)+$", "a" * 4000 + "b"), ("(a|a)*c", "a" * 4000), (".*.*.*.*.*x", "y" * 4000)],
    ids=["nested", "alternatives", "many"],
)
def test_no_expression_takes_for_ever(expression: str, text: str) -> None:
    """What keeps `re` busy until the sun goes out is answered at once."""
    pattern = compile_pattern(expression)
    started = time.monotonic()

    found = pattern.search(text)

    assert not found
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("expression", "reason", "position"),
    [
        ("a(b", "not closed", 1),
        ("a)", "opens nowhere", 1),
        ("a**", "repeated twice", 2),
        ("*a", "not offered", 0),
        (r"a\b", "not offered", 1),
        (r"(a)\1", "not offered", 3),
        ("(?=a)", "look around", 0),
        ("[z-a]", "bad character range", 0),
        ("a{3,1}", "smaller", 1),
        ("^*", "cannot be repeated", 1),
        ("(a{900}){900}", "repeats too much", 0),
        ("(" * 30 + ")" * 30, "groups in one another", 20),
        ("a" * 501, "more than 500", 500),
    ],
)
def test_what_is_refused_is_named(expression: str, reason: str, position: int) -> None:
    """An expression that is wrong or too much fails when it is read, at its place."""
    with pytest.raises(PatternError, match=reason) as caught:
        compile_pattern(expression)

    assert caught.value.position == position


def test_case_is_ignored_on_request() -> None:
    """`/debug/i` finds `DEBUG`."""
    assert compile_pattern("debug", ignore_case=True).search("a DEBUG run")
    assert not compile_pattern("debug").search("a DEBUG run")
