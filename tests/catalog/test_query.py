from __future__ import annotations

import json
import math
import operator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.catalog.query import join_queries, parse_query
from checkpoint_meta.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from checkpoint_meta.evidence import FieldPath, JSONValue

ROW: dict[FieldPath, JSONValue] = {
    ("exp_name",): "dbnet-resnet18",
    ("training", "epoch"): 0,
    ("metrics", "hmean"): 0.875,
    ("metrics", "additional_metrics", "val/iou"): 0.5,
    ("metrics", "additional_metrics", "broken"): math.nan,
    ("model", "architecture"): "dbnet",
    ("model", "decoder", "in_channels"): [64, 128],
    ("checkpointing", "best"): True,
    ("hyperparameters",): {"lr": 0.001, "name": 'a "quoted" one'},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metrics.hmean >= 0.8", True),
        ('hmean>=0.8 and architecture=="dbnet"', True),
        ("hmean < .8 or epoch == 0", True),
        ("epoch != 0", False),
        ("not epoch != 0", True),
        ("not (hmean > 0.8 and epoch > 3)", True),
        ("hmean > 0.8 or epoch > 3 and epoch > 4", True),
        ("(hmean > 0.8 or epoch > 3) and epoch > 4", False),
        ("architecture in ['craft', 'dbnet']", True),
        ("epoch in [0, 1]", True),
        ("epoch in []", False),
        ("epoch not in [1, 2]", True),
        ("exp_name contains 'resnet'", True),
        ("decoder.in_channels contains 64", True),
        ('hyperparameters contains "lr"', True),
        ("exp_name matches /^dbnet-(resnet|vgg)\\d+$/", True),
        ("exp_name not matches /DBNET/", True),
        ("exp_name matches /DBNET/i", True),
        ("val/iou > 4e-1", True),
        ("lr == 1e-3", True),
        ("name2 is missing", True),
        ("hmean is not missing", True),
        ("best == true", True),
        ("best == 1", False),
        ("best != 1", True),
        ("epoch == false", False),
        ('exp_name > "craft"', True),
        ("exp_name > 3", False),
        ("not exp_name > 3", False),
        ('hyperparameters.name == "a \\"quoted\\" one"', True),
        ("`val/iou` == 0.5", True),
    ],
)  # fmt: skip
def test_queries_mean_what_they_say(expression: str, *, expected: bool) -> None:
    """Operators, precedence, short names and kinds of values."""
    assert parse_query(expression).matches(ROW) is expected


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("name", ["recall", "broken"])
@pytest.mark.parametrize("negation", ["", "not "])
def test_missing_and_nan_pass_no_comparison(sign: str, name: str, negation: str) -> None:
    """A gate does not let through what was not measured, not even by a `not`."""
    assert not parse_query(f"{negation}{name} {sign} 0.5").matches(ROW)


def test_missing_does_not_spoil_the_other_arm() -> None:
    """`hmean >= 0.6 or epoch < 5` passes by its second arm."""
    assert parse_query("recall >= 0.6 or epoch < 5").matches(ROW)
    assert not parse_query("recall >= 0.6 and epoch < 5").matches(ROW)


@pytest.mark.parametrize(
    ("expression", "position", "reason"),
    [
        ("", 0, "expected FIELD OPERATOR VALUE"),
        ("epoch ~ 3", 6, "expected == !="),
        ("epoch = 3", 6, "use == to compare"),
        ("epoch == ", 9, "expected a number"),
        ("architecture == dbnet", 16, 'put a text in quotes: "dbnet"'),
        ("epoch == 3 epoch", 11, "expected and, or, or the end"),
        ("(epoch == 3", 11, r"expected \)"),
        ("epoch in 3", 9, r"expected \[ and values"),
        ("epoch in [1 2]", 12, "expected , or ]"),
        ("epoch in [1,]", 12, "expected a number"),
        ("epoch is 3", 9, "expected missing"),
        ("in_channels == 3", 0, "ambiguous: model.decoder.in_channels, model.head.in_channels"),
        ("exp_name matches 'x'", 17, "expected /EXPRESSION/"),
        ("exp_name matches /a(b/", 19, "not closed"),
        ("and epoch == 3", 0, "expected FIELD"),
        ("3 == epoch", 0, "expected FIELD"),
        ("epoch == 3 and", 14, "expected FIELD"),
        ("epoch == 1_000", 9, "expected a number"),
        ("(" * 60 + "epoch == 1" + ")" * 60, 50, "more than 50 levels"),
        ("x" * 5000, 0, "longer than 4096"),
    ],
)
def test_errors_point_at_the_place(expression: str, position: int, reason: str) -> None:
    """What does not parse says why and where, with a caret below it."""
    with pytest.raises(QueryError, match=reason) as caught:
        parse_query(expression)

    assert caught.value.position == position
    assert str(caught.value).splitlines()[-1] == "  " + " " * position + "^"


def test_several_queries_must_all_hold() -> None:
    """`--where` given twice is joined by `and`."""
    both = join_queries([parse_query("epoch == 0 or epoch == 1"), parse_query("hmean > 0.9")])

    assert both is not None
    assert not both.matches(ROW)
    assert join_queries([]) is None


def test_a_query_names_its_fields() -> None:
    """What a query asks for is known before the first row is read."""
    query = parse_query("hmean > 0.5 and not (epoch == 1 or lr is missing)")

    assert [field.name for field in query.fields()] == ["hmean", "epoch", "lr"]


FIELD_NAMES = ("hmean", "epoch", "exp_name", "lr")
scalars = (
    st.booleans()
    | st.integers(-5, 5)
    | st.floats(-2, 2, allow_nan=False)
    | st.text("ab\"'\\ é", max_size=3)
)
rows = st.dictionaries(
    st.sampled_from(FIELD_NAMES), scalars | st.none() | st.just(math.nan), max_size=4
)
Tree = tuple[object, ...]
leaves = (
    st.tuples(
        st.just("compare"),
        st.sampled_from(FIELD_NAMES),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        scalars,
    )
    | st.tuples(st.just("in"), st.sampled_from(FIELD_NAMES), st.lists(scalars, max_size=3))
    | st.tuples(st.just("missing"), st.sampled_from(FIELD_NAMES))
)
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner)
    ),
    max_leaves=8,
)


def _written(tree: Tree) -> str:
    match tree:
        case ("compare", name, sign, value):
            return f"{name} {sign} {_literal(value)}"
        case ("in", name, list(values)):
            return f"{name} in [{', '.join(map(_literal, values))}]"
        case ("missing", name):
            return f"{name} is missing"
        case ("not", tuple(part)):
            return f"not ({_written(part)})"
        case (word, tuple(left), tuple(right)):
            return f"({_written(left)}) {word} ({_written(right)})"
    raise AssertionError


def _literal(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return json.dumps(value)


def _meant(tree: Tree, row: Mapping[str, JSONValue]) -> bool | None:
    """Evaluate in plain Python; `None` is neither."""
    match tree:
        case ("compare", str(name), str(sign), value):
            return _compared(row.get(name), sign, value)
        case ("in", str(name), list(values)):
            each = [_compared(row.get(name), "==", value) for value in values]
            unknown = _compared(row.get(name), "==", 0) is None
            return None if unknown else any(each)
        case ("missing", str(name)):
            return row.get(name) is None
        case ("not", tuple(part)):
            found = _meant(part, row)
            return None if found is None else not found
        case (word, tuple(left), tuple(right)):
            answers = {_meant(left, row), _meant(right, row)}
            decisive = word == "or"
            return decisive if decisive in answers else None if None in answers else not decisive
    raise AssertionError


def _compared(value: object, sign: str, wanted: object) -> bool | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    kinds = {bool if isinstance(one, bool) else str if isinstance(one, str) else float
             for one in (value, wanted)}  # fmt: skip
    if sign in ("==", "!="):
        return (len(kinds) == 1 and value == wanted) == (sign == "==")
    if len(kinds) > 1 or bool in kinds:
        return None
    functions: dict[str, Callable[..., bool]] = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
    return functions[sign](value, wanted)


PATHS: dict[str, FieldPath] = {
    "hmean": ("metrics", "hmean"),
    "epoch": ("training", "epoch"),
    "exp_name": ("exp_name",),
    "lr": ("metrics", "additional_metrics", "lr"),
}


@given(trees, rows)
def test_a_query_is_its_plain_evaluation(tree: Tree, row: dict[str, JSONValue]) -> None:
    """Whatever is written, a row matches exactly where plain Python says so."""
    values = {PATHS[name]: value for name, value in row.items()}

    assert parse_query(_written(tree)).matches(values) is (_meant(tree, row) is True)


@given(st.text("hmean epoch()[]<>=!\"'/\\and or not in is missing 0.5,", max_size=40))
def test_whatever_is_typed_parses_or_is_a_query_error(text: str) -> None:
    """No input raises anything else."""
    try:
        parse_query(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 - either way is right
