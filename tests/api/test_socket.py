"""The agents' door: who gets in, what is refused, and which of two is served."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.relay import MissedNotice
from api.statement import SessionLost, Statement
from api.store.sqlite import SqliteAgents
from api.store.sqlite_snapshots import SqliteSnapshots
from tests.patience import HANG_SECONDS
from wire.messages import Cancelled, Drain, ErrorMessage, Introspect, Tighten, parse_from_backend


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


async def test_a_token_revoked_before_its_hello_opens_no_session(backend: Any, fake_agent: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    agent = fake_agent(backend.socket_url, token)
    socket = await agent.dial()
    (known,) = (await backend.http.get(f"/api/v1/connections/{connection}/agents")).json()["agents"]
    path = f"/api/v1/connections/{connection}/agents/{known['agent_id']}"
    assert (await backend.http.delete(path)).status_code == 204
    await socket.send(agent.hello().model_dump_json())
    await asyncio.wait_for(socket.wait_closed(), HANG_SECONDS)
    assert socket.close_code == 4401
    assert backend.state.gateway.online == 0


@pytest.mark.parametrize("how", ["agent", "connection", "missed"])
async def test_a_token_revoked_before_its_session_is_served_is_not_served(
    backend: Any, fake_agent: Any, monkeypatch: Any, how: str
) -> None:
    """After the store has noted the hello, and before anybody could find the session to close it."""
    connection = await backend.connection()
    token = await backend.join(connection)
    (known,) = (await backend.http.get(f"/api/v1/connections/{connection}/agents")).json()["agents"]
    noted = SqliteAgents.attached

    async def noting(self: Any, agent_id: str, facts: Any, now: Any) -> Any:
        found = await noted(self, agent_id, facts, now)
        path = f"/api/v1/connections/{connection}"
        if how == "missed":  # the notice of another replica, which is told once the two hear each other again
            await backend.state.store.agents.revoke("local", connection, agent_id, now)
            backend.state.gateway.heed(MissedNotice())
        else:
            gone = path if how == "connection" else f"{path}/agents/{known['agent_id']}"
            assert (await backend.http.delete(gone)).status_code == 204
        return found

    monkeypatch.setattr(SqliteAgents, "attached", noting)
    agent = await fake_agent(backend.socket_url, token).attach()
    assert (await agent.until_closed())[0] == 4401
    assert backend.state.gateway.online == 0


async def test_a_policy_changed_before_its_session_is_served_reaches_it(
    backend: Any, fake_agent: Any, monkeypatch: Any
) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    noted = SqliteAgents.attached

    async def noting(self: Any, agent_id: str, facts: Any, now: Any) -> Any:
        found = await noted(self, agent_id, facts, now)
        body = {"policy": {"limits": {"rows": 7}}}
        answer = await backend.http.patch(f"/api/v1/connections/{connection}", json=body)
        assert answer.status_code == 200, answer.text
        return found

    monkeypatch.setattr(SqliteAgents, "attached", noting)
    agent = await fake_agent(backend.socket_url, token).attach()
    told = await agent.until(Tighten)
    assert told.policy["limits"]["rows"] == 7
    await agent.leave()


async def test_one_token_takes_one_place_at_the_door(backend: Any, fake_agent: Any) -> None:
    token = await backend.join(await backend.connection())
    silent = await fake_agent(backend.socket_url, token).dial()
    assert await _status(backend.socket_url, token) == 503
    other = await backend.agent(await backend.connection("Other"))
    agent = fake_agent(backend.socket_url, token)
    await silent.send(agent.hello().model_dump_json())
    assert "welcome" in await silent.recv()
    # From its welcome on the next may come.
    again = await fake_agent(backend.socket_url, token, instance=agent.instance).attach()
    for one in (again, other):
        await one.leave()


async def test_silent_sockets_give_their_places_up_to_those_who_wait(
    backend: Any, fake_agent: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("api.routes.socket.HASTE_SECONDS", 0.05)
    monkeypatch.setattr("api.routes.socket._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("api.routes.socket.HELLO_SECONDS", HANG_SECONDS)
    monkeypatch.setattr("api.admission.MAX_ENTERING", 2)
    monkeypatch.setattr("api.admission.PATIENCE_SECONDS", HANG_SECONDS)
    silent = []
    for name in ("one", "two"):
        token = await backend.join(await backend.connection(name))
        silent.append(await fake_agent(backend.socket_url, token).dial())
    agent = await backend.agent(await backend.connection("three"))
    closing = [asyncio.create_task(socket.wait_closed()) for socket in silent]
    await asyncio.wait(closing, timeout=HANG_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    assert 1002 in [socket.close_code for socket in silent]
    for task in closing:
        task.cancel()
    await agent.leave()


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


async def test_a_farewell_to_who_has_left_is_no_error(backend: Any) -> None:
    agent = await backend.agent(connection := await backend.connection())
    session = backend.state.gateway.session(connection)
    await agent.break_off()
    await backend.eventually(lambda: backend.state.gateway.online == 0)
    await session.close(4401, "The token of this agent was revoked.")
    await backend.state.gateway.revoke(session.agent_id)


async def _stuck(backend: Any, agent: Any, connection: str) -> tuple[Any, list[asyncio.Task[None]]]:
    """A session whose agent has stopped reading, and what is stuck on its way there."""
    session = backend.state.gateway.session(connection)
    agent.socket.transport.pause_reading()
    much = ErrorMessage(code="x", message="x" * 1_000_000)
    telling = [asyncio.create_task(session.tell(much)) for _ in range(64)]
    await asyncio.sleep(0)
    return session, telling


async def test_an_agent_that_stops_reading_is_given_up(backend: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.session.TELL_SECONDS", 0.2)
    monkeypatch.setattr("api.server._FLUSH_SECONDS", 0.1)
    token = await backend.join(connection := await backend.connection())
    agent = await backend.agent(connection, token)
    session, telling = await _stuck(backend, agent, connection)
    told = await asyncio.wait_for(asyncio.gather(*telling, return_exceptions=True), HANG_SECONDS)
    assert any(isinstance(one, SessionLost) for one in told)
    assert session.lost
    await backend.eventually(lambda: backend.state.gateway.online == 0)
    again = await backend.agent(connection, token, instance=agent.instance)
    assert (await backend.ask(connection))["status"] == "succeeded"
    await again.leave()
    agent.socket.transport.abort()


async def test_an_agent_that_stops_reading_holds_nobody_up(
    settings: Any, serve_with: Any, monkeypatch: Any
) -> None:
    """Neither a stop, nor the one that comes in its place, nor the end of the process."""
    monkeypatch.setattr("api.session.TELL_SECONDS", 10 * HANG_SECONDS)
    monkeypatch.setattr("api.session.CANCEL_SECONDS", 0.1)
    monkeypatch.setattr("api.gateway._DRAIN_SECONDS", 0.1)
    monkeypatch.setattr("api.routes.socket.CLOSE_SECONDS", 0.1)
    monkeypatch.setattr("api.server._FLUSH_SECONDS", 0.1)
    async with asyncio.timeout(HANG_SECONDS), serve_with(settings) as backend:
        token = await backend.join(connection := await backend.connection())
        agent = await backend.agent(connection, token)
        session, telling = await _stuck(backend, agent, connection)
        gateway = backend.state.gateway
        statement = Statement("SELECT 1", "run_1", gateway.results, seconds=1, max_rows=1, max_bytes=1)
        statement.begin(again=False)
        assert await session.stop(statement) is None
        await gateway.drain(1)
        again = await backend.agent(connection, token, instance=agent.instance)
        assert gateway.session(connection) is not session
        await _stuck(backend, again, connection)
    for one in telling:
        one.cancel()
    for left in (agent, again):
        left.socket.transport.abort()


async def test_what_is_asked_while_a_lost_session_lingers_waits_for_the_next(backend: Any) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    agent = await backend.agent(connection, token)
    await agent.until(Introspect)
    await backend.ask(connection)
    session = backend.state.gateway.session(connection)
    database = backend.state.gateway.database(connection)
    session.end()  # as when something could not be sent; the socket's task has yet to notice
    assert backend.state.gateway.session(connection) is None
    assert connection not in backend.state.gateway.connections
    asking = asyncio.create_task(database.execute("SELECT 1", run_id="run_1", attempt=1))
    again = await backend.agent(connection, token, instance=agent.instance)
    assert (await asyncio.wait_for(asking, HANG_SECONDS)).kind == "rows"
    await again.leave()


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
