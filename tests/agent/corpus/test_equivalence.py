"""What the sandbox reads of a restricted table is what the owner's own view of it would show.

A property, over generated queries: joins of every kind, aggregates, windows, set operations and subqueries,
run by the sandbox on tables with a row filter, masks and a denied column, and by plain psycopg on views that
the owner has written with the same filter and masks. A filter that is always true leaves the table as it is.
"""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.check import open_sandbox
from agent.database import text_adapters
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

SCHEMA = """
CREATE SCHEMA base; CREATE SCHEMA shown; CREATE SCHEMA whole;
CREATE TABLE base.people (id integer PRIMARY KEY, team text, grade integer, born date, phone text, pin text);
CREATE TABLE base.sales (id integer PRIMARY KEY, person integer, amount numeric(10, 2), place text);
INSERT INTO base.people SELECT n, (ARRAY['red', 'blue', 'green', NULL])[n % 4 + 1], n % 7,
  date '1970-01-01' + n * 211, '+49 ' || n * 7919, 'pin' || n FROM generate_series(1, 40) AS n;
INSERT INTO base.sales SELECT n, nullif(n * 7 % 55, 3), round(n * 13.37 % 97, 2),
  (ARRAY['Rome', 'Oslo', NULL])[n % 3 + 1] FROM generate_series(1, 120) AS n;
CREATE VIEW shown.people AS SELECT id, team, grade, born, NULL::text AS phone FROM base.people
  WHERE grade > 2;
CREATE VIEW shown.sales AS SELECT id, person, amount, 'somewhere'::text AS place FROM base.sales
  WHERE amount < 60 OR amount IS NULL;
CREATE VIEW whole.people AS SELECT id, team, grade, born, phone FROM base.people;
CREATE VIEW whole.sales AS SELECT id, person, amount, place FROM base.sales;
"""
RESTRICTED = """
default = "deny"
[tables."base.people"]
allow = true
row_filter = "grade > 2"
deny_columns = ["pin"]
[tables."base.people".masks]
phone = { kind = "null" }
[tables."base.sales"]
allow = true
row_filter = "amount < 60 OR amount IS NULL"
[tables."base.sales".masks]
place = { kind = "constant", value = "somewhere" }
"""
UNFILTERED = """
default = "deny"
[tables."base.people"]
allow = true
row_filter = "true"
deny_columns = ["pin"]
[tables."base.sales"]
allow = true
row_filter = "true"
"""
CASES = {"restricted": (RESTRICTED, "shown"), "unfiltered": (UNFILTERED, "whole")}

PERSON = st.sampled_from(["p.id", "p.team", "p.grade", "p.born", "p.phone", "p.grade % 3", "lower(p.team)"])
SALE = st.sampled_from(
    ["s.id", "s.person", "s.amount", "s.place", "round(s.amount)", "coalesce(s.place, '-')"]
)
NUMBER = st.sampled_from(["p.id", "p.grade", "s.id", "s.amount"])
CONDITION = st.sampled_from(
    [
        "p.grade >= 4",
        "p.team = 'red'",
        "p.team IS NULL",
        "s.amount BETWEEN 10 AND 70",
        "s.place IS NOT NULL",
        "p.phone IS NULL",
        "s.place = 'somewhere'",
        "p.born > date '1980-01-01'",
        "EXISTS (SELECT 1 FROM {0}.sales AS x WHERE x.person = p.id AND x.amount > 50)",
        "p.id NOT IN (SELECT x.person FROM {0}.sales AS x WHERE x.person IS NOT NULL)",
        "s.amount > (SELECT avg(x.amount) FROM {0}.sales AS x)",
        "true",
    ]
)
JOIN = st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
AGGREGATE = st.sampled_from(
    ["count(*)", "count({})", "count(DISTINCT {})", "sum({})", "avg({})", "min({})", "max({})",
     "count(*) FILTER (WHERE {} > 3)"]
)  # fmt: skip


@st.composite
def source(draw: st.DrawFn) -> str:
    """FROM two tables with the aliases p and s, joined one way or another."""
    if draw(st.integers(0, 5)) == 0:
        return "{0}.people AS p CROSS JOIN LATERAL (SELECT * FROM {0}.sales AS x WHERE x.person = p.id) AS s"
    extra = draw(st.sampled_from(["", " AND s.amount > 20", " AND p.grade > 3"]))
    return (
        "{0}.people AS p "
        + draw(JOIN)
        + " {0}.sales AS s ON s.person = p.id"
        + ("" if "FULL" in extra else extra)
    )


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A SELECT whose rows do not depend on an order that nobody asked for; {0} stands for the schema."""
    where = f" WHERE {draw(CONDITION)} AND {draw(CONDITION)}" if draw(st.booleans()) else ""
    items = draw(st.lists(st.one_of(PERSON, SALE), min_size=1, max_size=3, unique=True))
    kind = draw(st.sampled_from(["rows", "groups", "rollup", "window", "distinct", "set", "cte"]))
    origin = draw(source())
    if kind in {"groups", "rollup"}:
        totals = [draw(AGGREGATE).format(draw(NUMBER)) for _ in range(draw(st.integers(1, 2)))]
        keys = ", ".join(str(place) for place in range(1, len(items) + 1))
        group = f"ROLLUP ({', '.join(items)})" if kind == "rollup" else keys
        having = " HAVING count(*) > 1" if draw(st.booleans()) else ""
        return f"SELECT {', '.join([*items, *totals])} FROM {origin}{where} GROUP BY {group}{having}"
    if kind == "window":
        total = f"sum({draw(NUMBER)}) OVER (PARTITION BY {items[0]})"
        return f"SELECT {', '.join(items)}, {total} FROM {origin}{where}"
    if kind == "set":
        word = draw(st.sampled_from(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]))
        return f"SELECT p.id FROM {origin}{where} {word} SELECT x.person FROM {{0}}.sales AS x"
    if kind == "cte":
        named = ", ".join(f"{item} AS c{place}" for place, item in enumerate(items))
        return f"WITH w AS (SELECT {named} FROM {origin}{where}) SELECT c0, count(*) FROM w GROUP BY c0"
    every = "p.*, s.*" if kind == "rows" and draw(st.booleans()) else ", ".join(items)
    return f"SELECT {'DISTINCT ' if kind == 'distinct' else ''}{every} FROM {origin}{where}"


@pytest.fixture(scope="session")
def dsn(place: Any) -> str:
    """The superuser's connection to a database with the two tables and the owner's views of them."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE equivalence")
    made: str = place.server.dsn("equivalence")
    with psycopg.connect(made) as conn:
        conn.execute(SCHEMA)
    return made


@pytest.fixture(scope="session", params=list(CASES))
async def pair(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, Any, str]]:
    """The sandbox under one policy, the plain connection, and the schema of the views that say the same."""
    policy, schema = CASES[request.param]
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    async with (
        await psycopg.AsyncConnection.connect(dsn, context=context, autocommit=True) as plain,
        open_sandbox(dsn, PolicyStack(owner=parse_policy(policy))) as (_, sandbox),
    ):
        yield sandbox, plain, schema


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(query=queries())
async def test_a_restricted_table_reads_as_the_owners_view_of_it(
    pair: tuple[Any, Any, str], recording: Any, query: str
) -> None:
    sandbox, plain, schema = pair
    sink = recording()
    outcome = await sandbox.execute(Request(query.replace("{0}", "base")), sink)
    assert not isinstance(outcome, Failed), outcome.message
    cursor = await plain.execute(query.replace("{0}", schema).encode())
    expected = [list(row) for row in await cursor.fetchall()]
    assert sorted(map(str, sink.table)) == sorted(map(str, expected))
