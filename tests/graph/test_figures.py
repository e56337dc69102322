"""Every figure of a sentence is in the result, however it is written."""

import pytest

from graph.figures import unfounded_figures
from wire.outcome import ResultColumn, Rows


def rows(*cells, count=None, name="n"):
    return Rows(
        columns=[ResultColumn(name=name, type="numeric") for _ in cells],
        preview=[list(cells)],
        row_count=count or 1,
    )


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("There are 34 engineers.", [34]),
        ("There are 1,234 orders.", [1234]),
        ("Es sind 1.234 Bestellungen.", [1234]),
        ("Il y a 1 234 commandes.", [1234]),
        ("It is 12.35.", [12.3456]),
        ("Es sind 12,35 Euro.", ["12.3456"]),
        ("About 12 percent.", [12.3]),
        ("That is 45.2%.", [0.45213]),
        ("That is 45 %.", [45]),
        ("Revenue was 1.2 million.", [1234567.89]),
        ("Revenue was $3k.", [3012]),
        ("It fell by 5.", [-5]),
        ("It is -5.", [-5]),
        ("On 2024-05-01.", ["2024-05-01"]),
        ("In May 2024.", ["2024-05-01 00:00:00+00"]),
        ("Team B52 leads with 7.", ["B52", 7]),
        ("There are three of them.", [3]),
        ("There is one.", [1]),
        ("No figure at all.", []),
        ("It is 123456789012345678901234567890.", ["123456789012345678901234567890"]),
    ],
)
def test_founded(text, cells):
    assert unfounded_figures(text, rows(*cells)) == []


@pytest.mark.parametrize(
    ("text", "cells", "wrong"),
    [
        ("There are 43 engineers.", [34], ["43"]),
        ("It is 12.36.", [12.3456], ["12.36"]),
        ("There are 340.", [34], ["340"]),
        ("Growth of 10%.", [34], ["10%"]),
        ("34 in 2023.", [34], ["2023"]),
        ("There are five of them.", [34], ["five"]),
        ("It is 2 million.", [1234567], ["2 million"]),
        ("NaN is not 4.", ["NaN"], ["4"]),
    ],
)
def test_unfounded(text, cells, wrong):
    assert unfounded_figures(text, rows(*cells)) == wrong


def test_the_askers_own_figures_and_the_count_of_rows_are_known():
    result = rows("Ada", count=12)
    assert unfounded_figures("The top 5 of 12 in 2023.", result, known="Top 5 of 2023?") == []


def test_huge_numbers_cost_nothing():
    assert unfounded_figures("It is 1e5.", rows("9" * 100_000)) != ["x"]
