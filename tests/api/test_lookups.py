"""Values looked up at an agent: here, at another replica, and at those that cannot or do not say."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api import lookups
from api.bus.local import Hub, LocalBus
from api.relay import REPLY, Refused
from wire.messages import ErrorMessage, Lookup
from wire.values import Compared, Found, FoundValue

FOUND = Found(found=[FoundValue(table="people.employees", column="name", value="Ada", phrase="ada")])
COMPARED = [Compared(table="people.employees", column="name", text="ada")]


@pytest.fixture
async def pair(settings: Any, serve_with: Any, monkeypatch: Any) -> AsyncIterator[tuple[Any, Any]]:
    monkeypatch.setattr("api.roster.BEAT_SECONDS", 0.2)
    hub = Hub()
    async with serve_with(settings, LocalBus(hub)) as first, serve_with(settings, LocalBus(hub)) as second:
        await first.eventually(lambda: second.state.gateway.replicas.roster.count == 2)
        yield first, second


def port(backend: Any, connection: str) -> Any:
    return backend.state.gateway.database(connection)


async def test_an_agent_is_asked_and_answers(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["lookup"], found=FOUND)
    found = await port(backend, connection).lookup("Who is Ada?", COMPARED, most=3)
    assert found.found == FOUND.found
    asked = await agent.until(Lookup)
    assert (asked.text, asked.compared, asked.most) == ("Who is Ada?", COMPARED, 3)
    await agent.leave()


async def test_an_older_agent_is_not_asked(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["resume", "export"], found=FOUND)
    assert await port(backend, connection).lookup("Who is Ada?") is None
    assert not [message for message in agent.heard if isinstance(message, Lookup)]
    await agent.leave()


async def test_without_an_agent_nobody_is_waited_for(backend: Any) -> None:
    connection = await backend.connection()
    async with asyncio.timeout(20):
        assert await port(backend, connection).lookup("Who is Ada?") is None


def test_a_question_waits_for_values_a_moment_only() -> None:
    """In a process of its own: here the patience is another one."""
    told = [sys.executable, "-c", "from api.lookups import LOOKUP_SECONDS; print(LOOKUP_SECONDS)"]
    assert float(subprocess.run(told, capture_output=True, text=True, check=True).stdout) <= 1


async def test_an_agent_that_says_nothing_is_given_up_and_the_next_question_asks_again(
    backend: Any, monkeypatch: Any
) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["lookup"])
    with monkeypatch.context() as hurried:
        hurried.setattr(lookups, "LOOKUP_SECONDS", 0.3)
        assert await port(backend, connection).lookup("Who is Ada?") is None
    agent.found = FOUND
    assert (await port(backend, connection).lookup("Who is Ada?")).found == FOUND.found
    # What it says of the first one now finds nobody waiting, and harms nothing.
    first = await agent.until(Lookup)
    session = backend.state.gateway.session(connection)
    assert first.request_id not in session._requests
    await agent.leave()


async def test_an_agent_that_answers_with_an_error_has_no_values(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["lookup"])
    asking = asyncio.create_task(port(backend, connection).lookup("Who is Ada?"))
    asked = await agent.until(Lookup)
    await agent.send(ErrorMessage(code="unknown_message", message="No.", about=asked.request_id))
    assert await asking is None
    await agent.leave()


async def test_a_socket_that_breaks_meanwhile_costs_the_values_only(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["lookup"])
    asking = asyncio.create_task(port(backend, connection).lookup("Who is Ada?"))
    await agent.until(Lookup)
    await agent.break_off()
    assert await asking is None


async def test_who_is_cancelled_leaves_nothing_behind(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, capabilities=["lookup"])
    asking = asyncio.create_task(port(backend, connection).lookup("Who is Ada?"))
    asked = await agent.until(Lookup)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asked.request_id not in backend.state.gateway.session(connection)._requests
    await agent.leave()


async def test_the_replica_that_has_the_agent_is_asked_over_the_bus(pair: Any, monkeypatch: Any) -> None:
    first, second = pair
    connection = await first.connection()
    agent = await first.agent(connection, capabilities=["lookup"], found=FOUND)
    for backend in pair:
        assert (await port(backend, connection).lookup("Who is Ada?", COMPARED)).found == FOUND.found
    agent.found = None
    with monkeypatch.context() as hurried:
        hurried.setattr(lookups, "LOOKUP_SECONDS", 0.3)
        assert await port(second, connection).lookup("Who is Ada?") is None
    await agent.leave()
    assert await port(second, connection).lookup("Who is Ada?") is None


async def test_a_replica_that_does_not_know_the_request_costs_the_values_only(pair: Any) -> None:
    first, second = pair
    connection = await first.connection()
    agent = await first.agent(connection, capabilities=["lookup"], found=FOUND)

    async def older(data: bytes) -> bytes:
        return REPLY.dump_json(Refused(code="agent_trouble", message="not known"))

    replicas = first.state.gateway.replicas
    _, subscriptions = replicas._answering[agent.welcome.agent_id]
    for subscription in subscriptions:
        await subscription.end()
    answering = await replicas.bus.answer(f"conn.{connection}", older)
    assert await port(second, connection).lookup("Who is Ada?") is None
    await answering.end()
    await agent.leave()


async def test_what_a_run_may_spend_on_drafts_and_values_is_set_at_the_backend(
    settings: Any, serve_with: Any, script: Any
) -> None:
    chosen = settings.model_copy(update={"candidates": 3, "value_hints": True})
    for given, expected in ((settings, (1, False)), (chosen, (3, True))):
        async with serve_with(given) as backend:
            connection = await backend.connection(f"Demo {expected}")
            agent = await backend.agent(connection)
            await backend.ask(connection)
            used = script.calls[-1]["ports"].settings
            assert (used.candidates, used.value_hints) == expected
            await agent.leave()
