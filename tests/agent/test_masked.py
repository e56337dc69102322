"""The last look at masked columns: what no mask can have made does not leave, and all else does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from agent.check import open_sandbox
from agent.execution import Completed, Request, Sandbox
from agent.masked import MaskCheck, Unmasked, conforms
from agent.sandbox.verdict import Verdict
from wire.masks import ConstantMask, HashMask, Mask, NullMask, PartialMask, stricter
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("mask", "good", "bad"),
    [
        (HashMask(), [HASH], ["", HASH.upper(), HASH[:-1], HASH + "0", "Ann", HASH + "\n"]),
        (PartialMask(keep=2), ["", "A", "An", "An***", "é😀*", "**"], ["Ann", "An*n", "An** ", "An**\n"]),
        (PartialMask(keep=0), ["", "***"], ["A"]),
        (NullMask(), [], ["", "0"]),
        (ConstantMask(value="hidden"), ["hidden", "hidden   "], ["", "hidde", "other"]),
        (ConstantMask(value="05.0"), ["5", "5.0", "05.0"], ["6", "five"]),
        (ConstantMask(value="16777217"), ["1.6777216e+07"], ["17000000"]),
        (ConstantMask(value="x" * 70), ["x" * 63, "x" * 70], ["x", "y" * 63]),
        (ConstantMask(value=""), ["", " "], ["0"]),
    ],
)
def test_values_that_a_mask_can_make_and_others(mask: Mask, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not conforms(value, mask)] == []
    assert [value for value in bad if conforms(value, mask)] == []


def test_columns_are_held_to_their_own_masks() -> None:
    check = MaskCheck([("id", ()), ("name", (PartialMask(keep=1), HashMask()))], ["id", "name"])
    check.check([["Ann", "A**"], ["Bob", HASH], ["Cid", None]])
    with pytest.raises(Unmasked) as refusal:
        check.check([["1", "Ann"]])
    assert "name" in str(refusal.value)
    assert "Ann" not in str(refusal.value)


def test_a_merged_star_goes_by_names_where_every_column_of_the_name_is_masked() -> None:
    masked = (NullMask(),)
    check = MaskCheck([("id", ()), ("name", masked), ("id", ()), ("mail", masked)], ["id", "name", "mail"])
    check.check([["1", None, None]])
    with pytest.raises(Unmasked):
        check.check([["1", None, "x"]])
    MaskCheck([("id", ()), ("name", masked), ("name", ())], ["id", "name"]).check([["1", "Ann"]])
    MaskCheck((), ["id", "name"]).check([["1", "Ann"]])


@pytest.mark.parametrize(
    ("one", "other", "wins"),
    [
        (PartialMask(keep=4), PartialMask(keep=2), PartialMask(keep=2)),
        (PartialMask(keep=2), PartialMask(keep=4), PartialMask(keep=2)),
        (PartialMask(keep=2), HashMask(), PartialMask(keep=2)),
        (HashMask(), PartialMask(keep=2), HashMask()),
        (HashMask(), NullMask(), NullMask()),
        (NullMask(), HashMask(), NullMask()),
        (PartialMask(), ConstantMask(value="x"), ConstantMask(value="x")),
        (ConstantMask(value="x"), NullMask(), ConstantMask(value="x")),
    ],
)
def test_the_mask_that_tells_less_wins(one: Mask, other: Mask, wins: Mask) -> None:
    assert stricter(one, other) == wins


POLICY = """
default = "allow"
[tables."public.people".masks]
name = { kind = "partial", keep = 3 }
email = { kind = "hash" }
mood = { kind = "null" }
pay = { kind = "constant", value = "7" }
born = { kind = "constant", value = "1970-01-01" }
[tables."public.tasks".masks]
title = { kind = "constant", value = "a task" }
"""

SHOWN = {
    "plain": ("SELECT name, email, mood, pay, born FROM people", 5),
    "star": ("SELECT * FROM people", 5),
    "alias": ("SELECT p.email AS who FROM people AS p", 1),
    "column aliases": ("SELECT c, b FROM people AS p (a, b, c)", 2),
    "subquery": ("SELECT x.y FROM (SELECT name AS y FROM people) AS x", 1),
    "cte": ("WITH p (a, b) AS (SELECT id, email FROM people) SELECT b, a FROM p", 1),
    "union": ("SELECT name FROM people UNION ALL SELECT email FROM people", 1),
    "outer join": ("SELECT t.id, p.email, p.pay FROM people AS p LEFT JOIN tasks AS t ON t.owner = p.id", 2),
    "outer join the other way": (
        "SELECT p.email, t.title FROM tasks t FULL JOIN people p ON t.owner = p.id",
        2,
    ),
    "view": ("SELECT id, name FROM adults", 1),
    "group": ("SELECT mood, email, count(*) FROM people GROUP BY mood, email", 2),
    "distinct": ("SELECT DISTINCT pay FROM people ORDER BY pay", 1),
    "using": ("SELECT * FROM people JOIN (SELECT id, 1 AS one FROM people) AS t USING (id)", 5),
    "nothing": (
        "SELECT g.n, p.pay FROM generate_series(1, 3) AS g (n) LEFT JOIN people AS p ON p.id = -g.n",
        1,
    ),
    "recursive": (
        "WITH RECURSIVE r AS (SELECT id, name FROM people WHERE id = 1 UNION ALL"
        " SELECT p.id, p.name FROM people p JOIN r ON p.id = r.id + 1 WHERE p.id < 5) SELECT * FROM r",
        1,
    ),
    "whole": ("SELECT p FROM people AS p", 0),
    "computed": (
        "SELECT upper(name), left(email, 5), pay + 1, name || '!', coalesce(mood::text, 'x') FROM people",
        0,
    ),
    "mixed union": ("SELECT email FROM people UNION ALL SELECT body FROM other.notes", 0),
    "aggregate": ("SELECT max(name), min(email), count(pay), array_agg(name) FROM people", 0),
    "scalar": ("SELECT (SELECT name FROM people ORDER BY id LIMIT 1)", 0),
    "shadow": ("SELECT email FROM (SELECT id::text AS email FROM people) AS x", 0),
    "merged, unsure": (
        "SELECT * FROM (SELECT id, name FROM people) a"
        " JOIN (SELECT id, body AS name FROM other.notes) b USING (id)",
        1,
    ),
    "values": ("SELECT * FROM (VALUES ('Ann'), ('Bob')) AS v (name)", 0),
}


@pytest.fixture
async def sandbox(place: Any) -> AsyncIterator[tuple[Any, Sandbox]]:
    async with open_sandbox(place.owner, PolicyStack(owner=parse_policy(POLICY))) as (gate, made):
        yield gate, made


@pytest.mark.parametrize("name", SHOWN)
async def test_masked_columns_are_traced_and_what_conforms_passes(
    sandbox: tuple[Any, Sandbox], make_sink: Any, name: str
) -> None:
    sql, traced = SHOWN[name]
    gate, made = sandbox
    verdict = await gate.check(sql)
    assert verdict.allowed, verdict
    assert sum(bool(masks) for _, masks in verdict.masks) >= traced
    if not traced:
        assert not any(masks for _, masks in verdict.masks)
    outcome = await made.execute(Request(sql), make_sink())
    assert isinstance(outcome, Completed), outcome


class Forgetful:
    """A gate that lets a statement run as it came, though it knows which columns are masked."""

    def __init__(self, gate: Any) -> None:
        self._gate = gate

    async def check(self, sql: str) -> Verdict:
        verdict: Verdict = await self._gate.check(sql)
        return replace(verdict, sql=sql)


HOLDING = [
    name for name, (_, traced) in SHOWN.items() if traced and name not in ("nothing", "merged, unsure")
]
"""Statements that show a value of a masked column."""


@pytest.mark.parametrize("name", HOLDING)
async def test_a_rewrite_that_misses_a_mask_is_refused_and_nothing_is_sent(
    sandbox: tuple[Any, Sandbox], make_sink: Any, name: str, place: Any
) -> None:
    sql, _ = SHOWN[name]
    gate, made = sandbox
    made.adopt(made.policy, Forgetful(gate), search_path=("pg_catalog", "public", "pg_temp"))
    sink = make_sink()
    outcome = await made.execute(Request(sql), sink)
    assert isinstance(outcome, Failed), outcome
    assert (outcome.code, outcome.layer) == ("policy", "output")
    assert sink.bodies == []
    assert "example.org" not in outcome.model_dump_json()
