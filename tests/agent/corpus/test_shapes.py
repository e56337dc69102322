"""A verdict remembered for a statement's shape is the verdict that the statement itself would get."""

import random
import re
from typing import Any

import psycopg
import pytest

from agent.sandbox.catalog import Catalog
from agent.sandbox.gate import Gate
from agent.sandbox.judge import Judge
from agent.sandbox.shapes import shape_of
from agent.sandbox.verdict import Verdict
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack

SEED = 20261123
VARIANTS = 4
TEXTS = [
    "'t'",
    "'f'",
    "''",
    "'yes'",
    "'2024-02-30'",
    "'ünïcode'",
    "'; DROP TABLE x'",
    "' OR 1=1'",
    "'null'",
    "'%'",
]
NUMBERS = ["0", "1", "2", "7", "42", "1000", "9999", "10001", "65537", "999999999"]
FLOATS = ["1.5", "10.25", "999999.999"]


def other_literals(rng: random.Random, sql: str) -> str | None:
    """The statement with every literal exchanged; None where it has no shape."""
    shape = shape_of(sql)
    if shape is None:
        return None
    pools = {"text": TEXTS, "int": NUMBERS, "float": FLOATS}
    return shape.with_values([rng.choice(pools[slot.kind]) for slot in shape.slots])


def told(verdict: Verdict) -> tuple[Any, ...]:
    """What a verdict says, apart from where the literals stood that it depended on."""
    # The deparser writes a boolean's literal as a word: 't'::bool and true are one value.
    text = re.sub(r"(?i)'(?:t|true)'::bool(?:ean)?\b", "true", verdict.sql)
    text = re.sub(r"(?i)'(?:f|false)'::bool(?:ean)?\b", "false", text)
    return (
        verdict.allowed, text, verdict.layer, verdict.code, verdict.relations, verdict.columns,
        verdict.rewritten, verdict.masks, verdict.guard,
    )  # fmt: skip


async def test_a_remembered_verdict_is_as_strict_as_a_fresh_one(
    corpus: Any, legitimate: list[Any], hostile: list[Any], policy: Policy
) -> None:
    rng = random.Random(SEED)
    stack = PolicyStack(owner=policy)
    async with await psycopg.AsyncConnection.connect(corpus.dsn) as connection:
        catalog = await Catalog.load(connection)
    judge = Judge(stack, catalog, MaskKey("k"))
    remembered = 0
    async with Gate(stack, catalog, key=MaskKey("k"), workers=1) as gate:
        for case in [*legitimate, *(case for case in hostile if len(case.sql) < 2_000)]:
            for _ in range(VARIANTS):
                sql = other_literals(rng, case.sql)
                if sql is None:
                    break
                before = len(gate._cache)
                verdict = await gate.check(sql)
                remembered += verdict.allowed and len(gate._cache) == before
                assert told(verdict) == told(judge.judge(sql)), sql
    assert remembered > 200, "templates are hardly ever used"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("SELECT repeat('x', 5)", "SELECT repeat('x', 999999)"),
        ("SELECT 2 ^ 3", "SELECT 2 ^ 999999"),
        ("SELECT 'x'::char(5)", "SELECT 'x'::char(999999)"),
        ("SELECT count(*) FROM generate_series(1, 5)", "SELECT count(*) FROM generate_series(1, 999999999)"),
        ("SELECT lpad('x', 2 * 3)", "SELECT lpad('x', 99999 * 99999)"),
        ("SELECT format('%5s', 'x')", "SELECT format('%99999s', 'x')"),
        ("SELECT array_fill(0, ARRAY[2, 3])", "SELECT array_fill(0, ARRAY[99999, 99999])"),
        ("SELECT replace('x', 'x', repeat('y', 10))", "SELECT replace('x', 'x', repeat('y', 99999))"),
    ],
)
async def test_what_a_bound_looks_at_is_not_exchanged(first: str, then: str, policy: Policy) -> None:
    async with Gate(policy, Catalog(), workers=1) as gate:
        for number in range(4):
            assert (await gate.check(first)).allowed
            assert (await gate.check(first + " " * (number + 1))).allowed
            verdict = await gate.check(then)
            assert not verdict.allowed
            assert verdict.layer == "bounds"


async def test_a_longer_literal_meets_the_policys_bytes() -> None:
    policy = Policy.model_validate({"default": "allow", "limits": {"statement_bytes": 60}})
    async with Gate(policy, Catalog(), workers=1) as gate:
        for word in ("a", "b", "c"):
            assert (await gate.check(f"SELECT '{word}' AS x")).allowed
        verdict = await gate.check(f"SELECT '{'y' * 60}' AS x")
        assert (verdict.layer, verdict.code) == ("bytes", "too_long")


async def test_another_policy_forgets_them() -> None:
    catalog = Catalog()
    async with Gate(Policy(default="allow"), catalog, workers=1) as gate:
        for number in range(4):
            assert (await gate.check(f"SELECT abs({number})")).allowed
        await gate.replace_policy(Policy.model_validate({"default": "allow", "functions": {"deny": ["abs"]}}))
        assert not (await gate.check("SELECT abs(9)")).allowed


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 -- 2",
        "SELECT /* 1 */ 2",
        "SELECT $$1$$",
        "SELECT E'\\n', 1",
        "SELECT 'a\nb', 1\0",
        "SELECT x",
        'SELECT "1", "it\'s 2"',
        "SELECT a1, b.c2, 0x1F, 1e5, 007",
    ],
)
def test_texts_that_cannot_be_taken_apart_have_no_shape(sql: str) -> None:
    assert shape_of(sql) is None


def test_a_shape_is_the_text_without_its_literals() -> None:
    one = shape_of("SELECT 'é', x1, 12.5 FROM t WHERE a = 7 AND b = 'it''s' AND \"c 9\" = -3")
    two = shape_of("SELECT '', x1, 99.25 FROM t WHERE a = 0 AND b = 'it''s' AND \"c 9\" = -44")
    assert one is not None
    assert two is not None
    assert one.key == two.key
    assert [slot.value for slot in one.slots] == ["'é'", "12.5", "7", "3"]
    assert one.slots[1].start == len("SELECT 'é', x1, ".encode())
