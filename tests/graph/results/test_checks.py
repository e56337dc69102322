"""Each check of a result: what it finds odd, and what it lets pass."""

import pytest

from graph.results import ASKING, CHECKS

TOTALS = "SELECT sum(o.total) FROM orders o JOIN line l ON l.order_id = o.order_id"
TOP = "SELECT name, count(*) AS many FROM customer GROUP BY name ORDER BY many DESC LIMIT 2"

ODD = [
    ("empty_result", "Who lives in Peru?", "SELECT name FROM customer WHERE country = 'PE'", []),
    ("only_null", "What is the largest order of Ann?", "SELECT max(total) FROM orders", [[None]]),
    ("only_null", "Show names and emails", "SELECT name, email FROM customer", [["a", None], ["b", None]]),
    ("missing_group", "How many orders per month?", "SELECT count(*) FROM orders", [[12]]),
    ("missing_group", "What was sold in each country?", "SELECT sum(total) FROM orders", [[12]]),
    ("missing_column", "Show the name and email of Ann", "SELECT name FROM customer", [["Ann"]]),
    ("ratio_range", "What share of orders is paid?", "SELECT 5.0 / 3 * 100 FROM orders", [["166.7"]]),
    ("ratio_range", "What percentage of orders is paid?", "SELECT -5.0 / 3 FROM orders", [[-1.7]]),
    ("exploded_join", "What is the total of all orders?", TOTALS, [[99]]),
    ("tied_limit", "Which two names are most common?", TOP, [["Ann", 3], ["Bob", 3]]),
]

FINE = [
    ("Who never ordered?", "SELECT name FROM customer WHERE country = 'PE'", []),
    ("Are there customers in Peru?", "SELECT name FROM customer WHERE country = 'PE'", []),
    ("Show names and emails", "SELECT name, email FROM customer", [["a", None], ["b", "b@c.de"]]),
    ("How many orders per month?", "SELECT 1, count(*) FROM orders GROUP BY 1", [[1, 12]]),
    ("What is the average number of orders per customer?", "SELECT avg(n) FROM (SELECT 1 AS n) x", [[2]]),
    ("What percent of orders is paid?", "SELECT 20.0 / 3 FROM orders", [[6.7]]),
    ("What is the ratio of big to small orders?", "SELECT 700.0 / 3 FROM orders", [[233.3]]),
    ("Show the name and email of Ann", "SELECT name, email FROM customer", [["Ann", "a@b.de"]]),
    ("Show the name and the weather of Ann", "SELECT name FROM customer", [["Ann"]]),
    ("Lines?", "SELECT sum(l.quantity) FROM orders o JOIN line l ON l.order_id = o.order_id", [[9]]),
    ("Which two names are most common?", TOP, [["Ann", 3], ["Bob", 2]]),
    ("Anything", "SELECT FROM nothing at all (", [["x"]]),
    ("All of both", "SELECT name FROM customer UNION SELECT email FROM customer", [["x"]]),
]


@pytest.mark.parametrize(("name", "question", "sql", "rows"), ODD)
def test_odd(name, question, sql, rows, found):
    assert found(question, sql, rows) == [name]
    assert found(question, sql, rows, without={name}) == []


@pytest.mark.parametrize(("question", "sql", "rows"), FINE)
def test_fine(question, sql, rows, found):
    assert found(question, sql, rows) == []


def test_every_check_has_a_case_and_a_hint():
    assert {case[0] for case in ODD} == {check.name for check in CHECKS}
    assert all(check.hint.endswith(".") for check in CHECKS)
    assert "tied_limit" not in ASKING
