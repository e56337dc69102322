"""Queries scored by cases beside an agent, here and at another replica."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.bus.local import Hub, LocalBus
from wire.cases import CaseVerdict
from wire.messages import ErrorMessage, Score

VERDICT = CaseVerdict(match="subset", valid=True, rows=3, accepted_rows=2)


@pytest.fixture
async def pair(settings: Any, serve_with: Any, monkeypatch: Any) -> AsyncIterator[tuple[Any, Any]]:
    monkeypatch.setattr("api.roster.BEAT_SECONDS", 0.2)
    hub = Hub()
    async with serve_with(settings, LocalBus(hub)) as first, serve_with(settings, LocalBus(hub)) as second:
        await first.eventually(lambda: second.state.gateway.replicas.roster.count == 2)
        yield first, second


def cases(connection: str) -> str:
    return f"/api/v1/connections/{connection}/cases"


async def test_every_replica_tells_the_cases_and_has_queries_scored(pair: Any) -> None:
    first, _ = pair
    connection = await first.connection()
    agent = await first.agent(connection, capabilities=["score"], verdict=VERDICT)
    run = await first.ask(connection)
    for backend in pair:
        listed = await backend.get(cases(connection))
        assert (listed["suite"], [one["id"] for one in listed["cases"]]) == ("own.jsonl", ["one"])
        scored = await backend.http.post(f"{cases(connection)}/a%2Fb/score", json={"run_id": run["run_id"]})
        assert scored.json() == VERDICT.model_dump()
    asked = await agent.until(Score, 2)
    assert (asked.case_id, asked.sql) == ("a/b", run["attempts"][-1]["sql"])
    await agent.leave()
    for backend in pair:
        answer = await backend.http.get(cases(connection))
        assert (answer.status_code, answer.json()["code"]) == (503, "agent_offline")


async def test_an_agent_without_cases_is_not_asked(pair: Any) -> None:
    first, _ = pair
    connection = await first.connection()
    agent = await first.agent(connection, capabilities=["lookup"])
    for backend in pair:
        answer = await backend.http.get(cases(connection))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_cases")
        assert "custard eval agent" in answer.json()["hint"]
    await agent.leave()


async def test_an_agent_that_cannot_is_told_as_trouble(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["score"])
    run_id = (await backend.ask(connection))["run_id"]
    asking = backend.http.post(f"{cases(connection)}/one/score", json={"run_id": run_id})

    async def refuse() -> None:
        asked = await agent.until(Score)
        await agent.send(ErrorMessage(code="unknown_message", message="No.", about=asked.request_id))

    answer, _ = await asyncio.gather(asking, refuse())
    assert (answer.status_code, answer.json()["code"]) == (502, "agent_trouble")
    await agent.leave()


async def test_another_connections_run_is_nobodys(backend: Any) -> None:
    connection, other = await backend.connection(), await backend.connection("Other")
    agent = await backend.agent(connection, capabilities=["score"], verdict=VERDICT)
    run = await backend.ask(connection)
    answer = await backend.http.post(f"{cases(other)}/one/score", json={"run_id": run["run_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")
    assert not [message for message in agent.heard if isinstance(message, Score)]
    await agent.leave()
