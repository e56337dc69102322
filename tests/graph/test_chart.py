"""A result's shape chooses its chart."""

import pytest

from graph.chart import choose_chart
from wire.outcome import ResultColumn, Rows


def result(columns, *rows, count=None):
    made = [ResultColumn(name=name, type=kind) for name, kind in columns]
    return Rows(columns=made, preview=[list(row) for row in rows], row_count=count or len(rows))


DAY, N, NAME = ("day", "date"), ("n", "bigint"), ("name", "text")


@pytest.mark.parametrize(
    ("rows", "kind", "x", "y"),
    [
        (result([N], [34]), "number", None, ["n"]),
        (result([NAME, N], ["Ada", 3]), "number", None, ["n"]),
        (result([NAME, N], ["a", 1], ["b", 2]), "bar", "name", ["n"]),
        (result([DAY, N], ["2026-01-01", 1], ["2026-01-02", 2]), "line", "day", ["n"]),
        (result([("year", "integer"), N], [2024, 1], [2025, 2]), "line", "year", ["n"]),
        (result([("month", "numeric"), N], ["1", 1], ["2", 2]), "line", "month", ["n"]),
        (result([NAME, N, ("m", "numeric(5,2)")], ["a", 1, 2.5], ["b", 2, None]), "bar", "name", ["n", "m"]),
        (result([("customer_id", "integer"), N], [1, 5], [2, 6]), "bar", "customer_id", ["n"]),
        (result([NAME], ["a"], ["b"]), "none", None, []),
        (result([NAME, N]), "none", None, []),
        (result([NAME, NAME], ["a", "b"]), "none", None, []),
        (result([NAME, N], ["a", "NaN"], ["b", 2]), "none", None, []),
        (result([NAME, N], ["a", 1], ["a", 2]), "none", None, []),
        (result([NAME, N], *[[str(place), place] for place in range(50)], count=500), "none", None, []),
        (result([NAME, ("id", "integer")], ["a", 1], ["b", 2]), "none", None, []),
        (result([N, ("m", "integer")], [1, 2], [2, 3]), "none", None, []),
        (result([N], [None]), "none", None, []),
    ],
)
def test_choice(rows, kind, x, y):
    chart = choose_chart(rows)
    assert (chart.kind, chart.x, chart.y) == (kind, x, y)
    assert bool(chart.reason) is (kind == "none")


def test_a_line_for_each_name_over_time():
    chart = choose_chart(
        result([DAY, NAME, N], ["2026-01-01", "a", 1], ["2026-01-01", "b", 2], ["2026-01-02", "a", 3])
    )
    assert (chart.kind, chart.x, chart.series) == ("line", "day", "name")
