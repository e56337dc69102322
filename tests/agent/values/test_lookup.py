"""``lookup`` over a real socket: an agent whose policy and database change while it runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.client import Client
from agent.database import Database
from agent.policy_file import PolicyFile
from agent.runtime import Runtime
from agent.settings import Settings
from tests.patience import HANG_SECONDS
from wire.messages import Hello, Lookup, Tighten, Values

POLICY = 'default = "allow"\n[tables."public.vault"]\nallow = false\n'

Start = Callable[..., Awaitable[Any]]


@pytest.fixture
async def start(values_dsn: str, backend: Any, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts an agent with the real gate, its index built in the background; the session that it opens."""
    async with contextlib.AsyncExitStack() as stack:

        async def run(dsn: str = values_dsn, **options: Any) -> Any:
            path = tmp_path / "policy.toml"
            path.write_text(POLICY)
            # The one that is away is waited for no longer than the test needs.
            seconds = HANG_SECONDS if dsn == values_dsn else 1.0
            database = await stack.enter_async_context(Database(dsn, size=5, checkout_seconds=seconds))
            runtime = Runtime(database, PolicyFile(path, watch_seconds=0.05), **options)
            await runtime.start()
            client = Client(Settings(server=backend.url, token="right"), runtime)  # type: ignore[arg-type]
            tasks = [
                asyncio.create_task(client.run()),
                asyncio.create_task(runtime.watch_policy()),
                asyncio.create_task(runtime.watch_values()),
            ]

            async def finish() -> None:
                await client.stop(0.1)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await runtime.close()

            stack.push_async_callback(finish)
            return await backend.peer()

        yield run


async def look(peer: Any, text: str) -> Values:
    await peer.tell(Lookup(request_id="r", text=text))
    said = await peer.next(Values)
    assert isinstance(said, Values)
    return said


async def look_until(peer: Any, text: str, right: Callable[[Values], bool]) -> Values:
    deadline = asyncio.get_running_loop().time() + HANG_SECONDS
    while not right(said := await look(peer, text)):
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"it still says {said}")
        await asyncio.sleep(0.05)
    return said


async def test_it_is_named_as_a_capability_and_answers_once_it_is_built(start: Start) -> None:
    peer = await start()
    assert "lookup" in peer.hello.capabilities
    said = await look_until(peer, "person 7 and Canary Seven vault", lambda said: said.ready)
    assert {one.value for one in said.found} == {"Person 7"}


async def test_an_agent_that_keeps_no_index_does_not_name_it(start: Start) -> None:
    peer = await start(values_seconds=0)
    assert "lookup" not in peer.hello.capabilities
    assert await look(peer, "person 7") == Values(request_id="r", ready=False)


async def test_an_agent_whose_database_is_away_answers_with_nothing(start: Start) -> None:
    peer = await start(dsn="host=127.0.0.1 port=1 dbname=none user=none")
    assert await look(peer, "person 7") == Values(request_id="r", ready=False)


async def test_a_policy_that_tightens_takes_values_away_before_the_next_lookup(start: Start) -> None:
    peer = await start()
    await look_until(peer, "person 7", lambda said: bool(said.found))
    tables = {"public.staff": {"deny_columns": ["name"]}, "public.contacts": {"allow": False}}
    denied = {"default": "allow", "tables": tables}
    await peer.tell(Tighten(policy=denied))
    assert (await look(peer, "person 7")).found == []
    await peer.next(Hello)
    said = await look_until(peer, "person 7 in New York", lambda said: said.ready)
    assert {one.value for one in said.found} == {"New York"}
