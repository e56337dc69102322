"""A connection's own policy: kept, told to its agent before anything runs, and never looser than it was."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from wire.messages import Execute, Tighten
from wire.policy import Policy, Share
from wire.snapshot import Column, Table

TIGHT = {"default": "allow", "tables": {"sales.orders": {"allow": False}}}


async def change(backend: Any, connection: str, body: dict[str, Any]) -> Any:
    return await backend.http.patch(f"/api/v1/connections/{connection}", json=body)


async def test_a_policy_is_kept_and_told_at_once_and_taken_back(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    assert agent.welcome.policy is None
    changed = await change(backend, connection, {"policy": TIGHT})
    assert changed.status_code == 200
    assert changed.json()["policy"]["tables"]["sales.orders"]["allow"] is False
    assert (await agent.until(Tighten)).policy == TIGHT
    renamed = await change(backend, connection, {"name": "Other"})
    assert renamed.json()["policy"] == changed.json()["policy"], "what is left out stays"
    taken_back = await change(backend, connection, {"policy": None})
    assert taken_back.json()["policy"] is None
    assert (await agent.until(Tighten, 2)).policy is None
    await agent.leave()


async def test_an_agent_is_welcomed_with_the_policy(backend: Any) -> None:
    connection = await backend.connection()
    await change(backend, connection, {"policy": TIGHT})
    agent = await backend.agent(connection)
    assert agent.welcome.policy == TIGHT
    assert Policy.model_validate(agent.welcome.policy).tables["sales.orders"].allow is False
    await backend.ask(connection)
    assert not [message for message in agent.heard if isinstance(message, Tighten)], "told once is enough"
    await agent.leave()


async def test_a_run_looks_at_the_policy_in_the_store_first(backend: Any, app: Any, script: Any) -> None:
    """As where another replica took the change."""
    connection = await backend.connection()
    agent = await backend.agent(connection)
    store = app.state.custard.store
    record = await store.connections.get("local", connection)
    policy = Policy.model_validate({**TIGHT, "share": {"model": "schema"}})
    await store.connections.update(replace(record, policy=policy))
    await backend.ask(connection)
    kinds = [type(message) for message in agent.heard if isinstance(message, Tighten | Execute)]
    assert kinds[:2] == [Tighten, Execute]
    ports = script.calls[-1]["ports"]
    assert ports.cloud_policy == policy
    assert ports.share == Share(model="schema", screen="results", trace="schema")
    await agent.leave()


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"default": "maybe"}, "policy.default"),
        ({"colour": 1}, "policy.colour"),
        ({"tables": {"orders": {}}}, "policy"),
        ({"limits": {"rows": 0}}, "policy.limits.rows"),
        ({"functions": {"allow": ["app.own"]}}, "policy"),
        ({"tests": [{"sql": "SELECT 1", "expect": "allow"}]}, "policy"),
        ({"tables": {"a.b": {"row_filter": "id <"}}}, "policy"),
        ({"tables": {"a.b": {"row_filter": "true); DROP TABLE x; --"}}}, "policy"),
        ({"tables": {"a.b": {"masks": {"x": {"kind": "rot13"}}}}}, "policy.tables"),
        ("deny", "policy"),
    ],
)
async def test_a_bad_policy_is_a_problem_that_names_the_place(backend: Any, policy: Any, field: str) -> None:
    connection = await backend.connection()
    answer = await change(backend, connection, {"policy": policy})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(error["field"].startswith(f"body.{field}") for error in answer.json()["errors"]), answer.json()
    assert (await backend.get(f"/api/v1/connections/{connection}"))["policy"] is None


async def test_a_screen_without_samples_is_shown_none(backend: Any, snapshot: Any) -> None:
    column = Column(name="city", type="text", samples=["Oslo"], values=["Oslo"])
    table = Table(schema_name="app", name="people", columns=[column])
    connection = await backend.connection()
    agent = await backend.agent(connection, snapshot=snapshot(tables=[table]))

    async def told() -> Any:
        body = await backend.http.get(f"/api/v1/connections/{connection}/schema")
        return body if body.status_code == 200 else None

    assert "Oslo" in (await backend.eventually(told)).text
    await change(backend, connection, {"policy": {"default": "allow", "share": {"screen": "schema"}}})
    hidden = await backend.eventually(told)
    assert "Oslo" not in hidden.text
    assert "city" in hidden.text
    await agent.leave()


async def test_of_a_withheld_result_there_is_a_count_and_nothing_else(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    empty = hashlib.sha256(b"").hexdigest()
    lie = {"rows": 0, "bytes": 0, "hash": empty, "withheld": 7}
    agent = await backend.agent(connection, result=result(batches=[], lie=lie))
    run = await backend.ask(connection)
    outcome = run["attempts"][0]["outcome"]
    assert (outcome["row_count"], outcome["withheld"], outcome["preview"]) == (7, True, [])
    assert outcome["result_ref"] is None
    gone = await backend.http.get(f"/api/v1/runs/{run['run_id']}/result")
    assert gone.status_code == 404
    assert "policy" in gone.json()["detail"]
    await agent.leave()
