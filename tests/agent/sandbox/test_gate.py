"""The gate with its children: warm, crashed, cancelled, renewed."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.sandbox import judge as judging
from agent.sandbox import nursery as nurseries
from agent.sandbox import worker
from agent.sandbox.catalog import Cast, Catalog, ColumnInfo, Relation
from agent.sandbox.cost import Estimate
from agent.sandbox.gate import Gate, permitted_functions
from agent.sandbox.judge import Judge
from agent.sandbox.verdict import Shown, Verdict
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack

OPEN = Policy.model_validate({"schemas": {"app": {"allow": True}}})


async def test_judges_and_remembers(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        first = await gate.check("SELECT note FROM orders")
        again = await gate.check("SELECT note FROM orders")
        assert first == again
        assert first.allowed
        assert gate.search_path == ("pg_catalog", "public", "pg_temp"), "app has an operator of its own"
        assert (await gate.shown())["app.orders"] == Shown(("id", "person_id", "note"))


async def test_a_child_that_ends_is_a_refusal_and_is_replaced(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        [child] = gate._pool._workers
        os.kill(child.pid, signal.SIGKILL)
        verdict = await gate.check("SELECT 1")
        assert (verdict.allowed, verdict.layer, verdict.code) == (False, "process", "judge_ended")
        assert (await gate.check("SELECT 1")).allowed


async def test_cancelling_does_not_give_one_statements_verdict_to_another(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        waiting = asyncio.create_task(gate.check("SELECT " + ", ".join(["note"] * 1000) + " FROM orders"))
        await asyncio.sleep(0)  # It is sent; no answer can have been read.
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        verdict = await gate.check("SELECT * FROM vault.secrets")
        assert verdict.code == "relation_denied"


async def test_many_at_once(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=2) as gate:
        verdicts = await asyncio.gather(*(gate.check(f"SELECT {n}") for n in range(40)))
        assert [verdict.sql for verdict in verdicts] == [f"SELECT {n}" for n in range(40)]


async def test_a_table_made_after_the_catalog_was_read_is_found(catalog: Catalog) -> None:
    newer = Relation(50, "app", "fresh", "r", (ColumnInfo(1, "id", "integer"),))

    async def refresh() -> Catalog:
        return replace(catalog, relations={**catalog.relations, 50: newer}, loaded_at=1e12)

    async with Gate(OPEN, replace(catalog, loaded_at=-1e6), refresh=refresh, workers=1) as gate:
        assert (await gate.check("SELECT id FROM fresh")).allowed


async def test_a_new_policy_holds_for_the_next_statement(catalog: Catalog) -> None:
    async with Gate(OPEN, catalog, workers=1) as gate:
        assert (await gate.check("SELECT note FROM orders")).allowed
        await gate.replace_policy(Policy())
        assert not (await gate.check("SELECT note FROM orders")).allowed


async def test_the_child_does_not_have_the_parents_environment(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTARD_AGENT_DSN", "password=hush")
    nurseries.retire()  # one that was started before could not have it
    async with Gate(OPEN, catalog, workers=1) as gate:
        [child] = gate._pool._workers
        assert b"hush" not in Path(f"/proc/{child.pid}/environ").read_bytes()


def test_permitted_functions(catalog: Catalog) -> None:
    names = permitted_functions(catalog, OPEN)
    assert {"lower", "similarity"} <= set(names)
    assert not {"pg_sleep", "own", "set_limit", "version"} & set(names)


def test_an_unfaithful_deparser_is_noticed(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(PolicyStack(owner=OPEN), catalog, MaskKey("k"))
    for text in ("SELECT value FROM vault.secrets", "SELECT 1 FROM orders", "SELECT 1 INTO x"):
        monkeypatch.setattr(judging.postgast, "deparse", lambda _, text=text: text)
        verdict = judge.judge("SELECT 1")
        assert (verdict.allowed, verdict.code) == (False, "deparse")


def test_limits_of_the_child_are_set() -> None:
    assert worker.MEMORY_BYTES >= 256 * 1024 * 1024
    assert worker.CPU_SECONDS <= 2


async def test_the_planners_cost_is_held_to_the_policys(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def estimate(*_: object, **__: object) -> Estimate:
        return Estimate(5000.0, 0.0, 0.0)

    monkeypatch.setattr("agent.sandbox.gate.estimate", estimate)
    connection: Any = None
    for most, allowed in ((None, True), (10_000, True), (100, False)):
        policy = Policy.model_validate({"limits": {"cost": most}})
        gate = Gate(policy, catalog)
        verdict = await gate.cost_verdict(connection, Verdict(True, "SELECT 1"))
        assert verdict.allowed is allowed
        assert verdict.code == ("" if allowed else "too_costly")


@pytest.mark.parametrize(
    ("called", "code"), [(frozenset({7}), ""), (frozenset({7, 70_001}), "silent_cast"), (None, "silent_cast")]
)
async def test_a_cast_that_only_the_server_can_tell_is_asked_of_it(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, called: frozenset[int] | None, code: str
) -> None:
    async def functions_called(*_: object) -> frozenset[int] | None:
        return called

    monkeypatch.setattr("agent.sandbox.gate.functions_called", functions_called)
    cast = Cast("text", "int4", "app.to_int", implicit=True, builtin=True, function_oid=70_001)
    connection: Any = None
    gate = Gate(Policy(), replace(catalog, casts=(cast,)))
    assert (await gate.cost_verdict(connection, Verdict(True, "SELECT 1"))).code == code


@pytest.mark.parametrize(
    ("verdict", "expected", "code"),
    [
        (Verdict(True, "SELECT 1"), Estimate(1.0, 1e9, 1e12), ""),
        (Verdict(True, "SELECT 1", gathers=1), Estimate(1.0, 1e6, 1e8), ""),
        (Verdict(True, "SELECT 1", gathers=1), Estimate(1.0, 1e6, 2e9), "gathers_too_much"),
        (Verdict(True, "SELECT 1", gathers=1, compares=True), Estimate(1.0, 1e4, 1e6), ""),
        (Verdict(True, "SELECT 1", gathers=1, compares=True), Estimate(1.0, 1e5, 1e6), "compares_too_much"),
    ],
)
async def test_what_is_held_at_once_is_bounded_by_the_planners_guess(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, expected: Estimate, code: str
) -> None:
    async def estimate(*_: object, **__: object) -> Estimate:
        return expected

    monkeypatch.setattr("agent.sandbox.gate.estimate", estimate)
    connection: Any = None
    assert (await Gate(Policy(), catalog).cost_verdict(connection, verdict)).code == code


async def test_nested_views_end(catalog: Catalog) -> None:
    """``too_deep`` views do not recurse without end."""
    base = catalog.by_name[("app", "people")]
    relations = {base.oid: base}
    for number in range(30):
        below = relations[base.oid] if number == 0 else relations[100 + number - 1]
        relations[100 + number] = Relation(
            100 + number,
            "app",
            f"v{number}",
            "v",
            base.columns,
            definition=f"SELECT id, name, email FROM app.{below.name}",
            reads=((below.oid, "id"), (below.oid, "name"), (below.oid, "email")),
        )
    policy = Policy.model_validate(
        {"default": "allow", "tables": {"app.people": {"deny_columns": ["email"]}}}
    )
    judge = Judge(PolicyStack(owner=policy), replace(catalog, relations=relations), MaskKey("k"))
    assert judge.judge("SELECT name FROM v3").allowed
    assert not judge.judge("SELECT name FROM v29").allowed
