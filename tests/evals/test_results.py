import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.results import ResultSet, compare


def result(*rows: tuple[Any, ...], columns: int | None = None) -> ResultSet:
    width = columns if columns is not None else len(rows[0]) if rows else 0
    return ResultSet(tuple(f"c{number}" for number in range(width)), rows)


@pytest.mark.parametrize(
    ("accepted", "predicted", "match"),
    [
        (result((1, "a"), (2, "b")), result((2, "b"), (1, "a")), "exact"),
        (result((1, "a"), (2, "b")), result(("a", 1), ("b", 2)), "exact"),
        (result((1, "a"), (2, "b")), result(("b", 1), ("a", 2)), "none"),
        (result((1,), (1,)), result((1,)), "exact"),
        (result((1,)), result((1, "x")), "subset"),
        (result((1, "x")), result((1,)), "none"),
        (result((1,)), result((1.0000001,)), "exact"),
        (result((Decimal("0.3"),)), result((0.1 + 0.2,)), "exact"),
        (result((0.1 + 0.2, "a"), (0.3, "a")), result((0.3, "a")), "exact"),
        (result((1,)), result((1.1,)), "none"),
        (result((None,)), result((0,)), "none"),
        (result((None,)), result((None,)), "exact"),
        (result((True,)), result((1,)), "none"),
        (result((dt.date(2024, 1, 1),)), result((dt.datetime(2024, 1, 1),)), "exact"),
        (result((dt.date(2024, 1, 1),)), result((dt.datetime(2024, 1, 1, 1),)), "none"),
        (result((float("nan"),)), result((float("nan"),)), "exact"),
        (result((float("inf"),)), result((float("-inf"),)), "none"),
        (result((10**30,)), result((10**30 + 1,)), "none"),
        (result(([1, 2],)), result(([1, 2.0],)), "exact"),
        (result(({"a": 1},)), result(({"a": 2},)), "none"),
        (result(columns=1), result(columns=1), "exact"),
        (result(columns=1), result(columns=2), "subset"),
        (result(columns=1), result((1,)), "none"),
        (result((1,)), result(columns=1), "none"),
        (result(("A",)), result(("a",)), "none"),
    ],
)
def test_results(accepted: ResultSet, predicted: ResultSet, match: str) -> None:
    assert compare(accepted, predicted) == match


def test_many_equal_columns_end_soon() -> None:
    wide = result(tuple(range(12)), tuple(range(12)), columns=12)
    other = ResultSet(wide.columns, (tuple([0] * 12), tuple([1] * 12)))
    assert compare(other, ResultSet(wide.columns, (tuple([0, 1] * 6), tuple([1, 0] * 6)))) == "none"


@given(
    st.lists(st.tuples(st.integers(), st.text(max_size=3), st.floats(allow_nan=False)), max_size=8),
    st.permutations([0, 1, 2]),
    st.randoms(),
)
def test_order_of_rows_and_columns_never_counts(
    rows: list[tuple[int, str, float]], order: list[int], shuffle: Any
) -> None:
    turned = [tuple(row[place] for place in order) for row in [*rows, *rows[:2]]]
    shuffle.shuffle(turned)
    assert compare(result(*rows, columns=3), result(*turned, columns=3)) == "exact"
