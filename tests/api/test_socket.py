"""The agents' door: who gets in, what is refused, and which of two is served."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.store.sqlite_snapshots import SqliteSnapshots
from wire.messages import Cancelled, Drain, ErrorMessage, Introspect, parse_from_backend


async def _status(url: str, token: str | None, **options: Any) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    options = {"subprotocols": ["custard.v1"], "proxy": None, **options}
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=headers, **options)
    return refused.value.response.status_code


async def test_tokens_that_are_missing_wrong_or_nearly_right_are_refused(backend: Any) -> None:
    token = await backend.join(await backend.connection())
    url = backend.socket_url
    assert await _status(url, None) == 401
    for wrong in ("nonsense", token[:-1], token + "a", token.swapcase(), token.removeprefix("cst_agent_")):
        assert await _status(url, wrong) == 401


async def test_browsers_and_other_protocols_are_refused(backend: Any) -> None:
    token = await backend.join(await backend.connection())
    assert await _status(backend.socket_url, token, origin=backend.url) == 403
    assert await _status(backend.socket_url, token, subprotocols=["custard.v9"]) == 400
    assert await _status(backend.socket_url, token, subprotocols=None) == 400


async def test_revoking_closes_the_socket_and_the_door(backend: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    agent = await backend.agent(connection, token)
    (status,) = (await backend.http.get(f"/api/v1/connections/{connection}/agents")).json()["agents"]
    assert status["status"] == "online"
    path = f"/api/v1/connections/{connection}/agents/{status['agent_id']}"
    assert (await backend.http.delete(path)).status_code == 204
    code, reason = await agent.until_closed()
    assert code == 4401
    assert "revoked" in reason
    assert await _status(backend.socket_url, token) == 403
    assert (await backend.http.delete(path)).status_code == 204
    (status,) = (await backend.http.get(f"/api/v1/connections/{connection}/agents")).json()["agents"]
    assert status["status"] == "revoked"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("not json", "malformed_frame"),
        ('{"type": "dance"}', "unknown_message"),
        ('{"type": "hello"}', "malformed_frame"),
        ('{"type": "unchanged", "request_id": "1", "fingerprint": "f"}', "no_hello"),
        (b"CU", "no_hello"),
    ],
)
async def test_what_comes_first_must_be_a_hello(
    backend: Any, fake_agent: Any, first: str | bytes, code: str
) -> None:
    token = await backend.join(await backend.connection())
    socket = await fake_agent(backend.socket_url, token).dial()
    await socket.send(first)
    said = parse_from_backend(await socket.recv())
    assert isinstance(said, ErrorMessage)
    assert said.code == code
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert socket.close_code == 1002


async def test_silence_instead_of_a_hello_is_ended(backend: Any, fake_agent: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.routes.socket.HELLO_SECONDS", 0.05)
    token = await backend.join(await backend.connection())
    socket = await fake_agent(backend.socket_url, token).dial()
    assert "no_hello" in await socket.recv()
    await socket.wait_closed()


async def test_a_protocol_that_is_not_shared_is_named(backend: Any, fake_agent: Any) -> None:
    token = await backend.join(await backend.connection())
    agent = fake_agent(backend.socket_url, token)
    socket = await agent.dial()
    await socket.send(agent.hello(protocol_min=7, protocol_max=9).model_dump_json())
    said = parse_from_backend(await socket.recv())
    assert isinstance(said, ErrorMessage)
    assert said.code == "unsupported_version"
    assert "7 to 9" in said.message
    await socket.wait_closed()
    assert socket.close_code == 4406


async def test_frames_that_make_no_sense_are_answered_and_then_ended(backend: Any) -> None:
    agent = await backend.agent(await backend.connection())
    for bad in ("{", '{"type": "future"}', b"short", b"XX" + bytes(40), "[]"):
        await agent.send(bad)
    assert (await agent.until(ErrorMessage, 5)).code in ("malformed_frame", "unknown_message")
    await agent.send(Cancelled(statement_id="1" * 32))
    for _ in range(5):
        await agent.send("{")
    assert (await agent.until_closed())[0] == 1008


async def test_an_oversized_frame_is_cut_off(backend: Any) -> None:
    agent = await backend.agent(await backend.connection())
    with suppress(ConnectionClosed):  # it may be cut off while it is still being sent
        await agent.send(bytes(16 * 1024 * 1024 + 1))
    assert (await agent.until_closed())[0] == 1009


async def test_of_two_with_one_token_the_newer_is_served(backend: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    older = await backend.agent(connection, token)
    newer = await backend.agent(connection, token)
    assert newer.welcome.epoch == older.welcome.epoch + 1
    assert (await older.until_closed())[0] == 4409
    assert (await backend.ask(connection))["status"] == "succeeded"
    assert backend.state.gateway.online == 1
    await newer.leave()


async def test_agents_that_keep_displacing_each_other_are_told_why(backend: Any, fake_agent: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    served = await backend.agent(connection, token)
    for _ in range(3):
        served = await backend.agent(connection, token)
    late = fake_agent(backend.socket_url, token)
    socket = await late.dial()
    await socket.send(late.hello().model_dump_json())
    assert "token_shared" in await socket.recv()
    await socket.wait_closed()
    assert socket.close_code == 4429
    # The same process may come back as often as its network breaks.
    for _ in range(4):
        served = await backend.agent(connection, token, instance=served.instance)
    await served.leave()


async def test_a_new_policy_brings_a_new_snapshot(backend: Any, snapshot: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    await agent.until(Introspect)
    agent.snapshot = snapshot(tables=[])
    await agent.send(agent.hello(policy_digest="policy-2", policy_name="stricter"))
    await agent.until(Introspect, 2)

    async def renewed() -> Any:
        body = await backend.get(f"/api/v1/connections/{connection}")
        return body if body["tables"] == 0 else None

    body = await backend.eventually(renewed)
    assert (body["agent"]["policy_name"], body["agent"]["policy_digest"]) == ("stricter", "policy-2")
    await agent.leave()


async def test_a_returning_agent_with_the_known_snapshot_is_not_asked(backend: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    first = await backend.agent(connection, token)
    await first.until(Introspect)
    await backend.ask(connection)
    await first.leave()
    second = await backend.agent(connection, token, snapshot=first.snapshot)
    await backend.ask(connection)
    assert not [message for message in second.heard if isinstance(message, Introspect)]
    await second.leave()


async def test_a_stopping_backend_tells_its_agents(settings: Any, serve_with: Any) -> None:
    async with serve_with(settings) as backend:
        agent = await backend.agent(await backend.connection())
    await agent.until(Drain)
    assert (await agent.until_closed())[0] == 1012


async def test_states_of_an_agent(backend: Any) -> None:
    connection = await backend.connection()

    async def state() -> dict[str, Any]:
        body: dict[str, Any] = (await backend.http.get(f"/api/v1/connections/{connection}")).json()["agent"]
        return body

    assert (await state())["status"] == "waiting"
    token = await backend.join(connection)
    assert (await state())["status"] == "waiting"
    agent = await backend.agent(connection, token)
    online = await state()
    assert (online["status"], online["version"], online["database"]) == ("online", "0.1.0", "demo")
    assert online["limits"]["rows"] == 10_000
    assert online["share"]["trace"] == "schema"
    await agent.leave()

    async def gone() -> Any:
        now = await state()
        return now if now["status"] == "offline" else None

    offline = await backend.eventually(gone)
    assert offline["last_seen_at"]
    assert offline["policy_digest"] == "policy-1"


async def test_a_restart_reads_no_snapshot_before_somebody_needs_one(
    settings: Any, serve_with: Any, fake_agent: Any, snapshot: Any, monkeypatch: Any
) -> None:
    """Two thousand agents come back at once; what tells their snapshots apart is a few bytes each."""
    async with serve_with(settings) as backend:
        connection = await backend.connection()
        token = await backend.join(connection)
        agent = await fake_agent(backend.socket_url, token).attach()
        await agent.until(Introspect)
        assert (await backend.http.post(f"/api/v1/{connection}/refresh-schema")).status_code == 200
        await agent.leave()
    read: list[str] = []
    looked = asyncio.Semaphore(0)
    whole, mark = SqliteSnapshots.get, SqliteSnapshots.mark

    async def reading(self: Any, connection_id: str) -> Any:
        read.append(connection_id)
        return await whole(self, connection_id)

    async def looking(self: Any, connection_id: str) -> Any:
        found = await mark(self, connection_id)
        looked.release()
        return found

    monkeypatch.setattr(SqliteSnapshots, "get", reading)
    monkeypatch.setattr(SqliteSnapshots, "mark", looking)
    async with serve_with(settings) as backend:
        agent = await fake_agent(backend.socket_url, token).attach(fingerprint=snapshot().fingerprint)
        await looked.acquire()
        assert (await backend.http.get("/health")).status_code == 200
        assert not [message for message in agent.heard if isinstance(message, Introspect)]
        assert read == []
        assert (await backend.http.get(f"/api/v1/connections/{connection}/schema")).status_code == 200
        assert read == [connection]
        await agent.leave()
        changed = await fake_agent(backend.socket_url, token).attach(fingerprint="another")
        await changed.until(Introspect)
        await changed.leave()
