"""The socket's protocol, between the real client and a fake backend, over real connections and databases."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest

from agent.backoff import Backoff
from agent.client import Client
from agent.database import Database
from agent.errors import NotAuthorised, Superseded, VersionRefused
from agent.policy_file import PolicyFile
from agent.runtime import Runtime
from agent.settings import Settings
from tests.patience import HANG_SECONDS
from wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Columns,
    Credit,
    Delta,
    Drain,
    End,
    EndAck,
    ErrorMessage,
    Execute,
    Explain,
    Export,
    Hello,
    Introspect,
    Plan,
    Snapshot,
    StatementFailed,
    Unchanged,
    Welcome,
    WireLimits,
    digest_of,
)

POLICY = """
version = 1
name = "test"
default = "deny"
[schemas.public]
allow = true
[tables."public.secrets"]
allow = false
[tables."public.people"]
deny_columns = ["email"]
[limits]
per_minute = 100000
statement_seconds = 120
lock_seconds = 60
rows = 10000000
bytes = 1000000000
"""

Attach = Callable[..., Awaitable[Any]]


@pytest.fixture
async def agent(
    place: Any, backend: Any, judges: Any, tmp_path: Any
) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Starts agents that dial the fake backend; whatever was started is stopped."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(token: str = "right", **options: Any) -> Client:
            path = tmp_path / "policy.toml"
            if not path.exists():
                path.write_text(options.pop("policy", POLICY))
            database = await stack.enter_async_context(Database(place.dsn, size=5))
            runtime = Runtime(
                database, PolicyFile(path, watch_seconds=0.05), judges=lambda database, policy: judges()
            )
            await runtime.start()
            settings = Settings(server=backend.url, token=token)  # type: ignore[arg-type]
            client = Client(settings, runtime, backoff=Backoff(draw=lambda: 0.05))
            task = asyncio.create_task(client.run())
            watch = asyncio.create_task(runtime.watch_policy())
            client.task = task  # type: ignore[attr-defined]

            async def end() -> None:
                for one in (task, watch):
                    one.cancel()
                await asyncio.gather(task, watch, return_exceptions=True)

            stack.push_async_callback(end)
            return client

        yield start


async def test_hello_tells_what_the_backend_needs(agent: Attach, backend: Any, place: Any) -> None:
    await agent()
    peer = await backend.peer()
    assert peer.hello.policy_name == "test"
    assert peer.hello.server_version // 10_000 == place.major
    assert peer.hello.database == "work"
    assert peer.hello.fingerprint
    assert peer.hello.in_flight == []
    assert peer.socket.subprotocol == "custard.v1"
    assert "Origin" not in backend.handshakes[0].headers


async def test_a_result_arrives_whole(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT id, name FROM people ORDER BY id", run_id="run_1"))
    assert isinstance(await peer.next(Accepted), Accepted)
    columns = await peer.next(Columns)
    assert [column.name for column in columns.columns] == ["id", "name"]
    frames, end = await peer.result(sid)
    assert isinstance(end, End)
    assert sum(frame.row_count for frame in frames) == end.rows == 100
    assert sum(len(frame.body) for frame in frames) == end.bytes
    assert hashlib.sha256(b"".join(frame.body for frame in frames)).hexdigest() == end.hash
    assert [frame.sequence for frame in frames] == list(range(len(frames)))


async def test_an_execution_runs_at_most_once(
    agent: Attach, backend: Any, statement_id: Any, held: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    again = Execute(statement_id=sid, sql=f"SELECT {held.call}")
    await peer.tell(again)
    await peer.next(Accepted)
    await peer.tell(again)
    refusal = await peer.next(ErrorMessage)
    assert (refusal.code, refusal.about) == ("duplicate_statement", sid)
    held.let_go()
    await peer.next(End)
    await peer.tell(EndAck(statement_id=sid))
    await peer.tell(again)
    failed = await peer.next(StatementFailed)
    assert failed.failure.code == "protocol"
    await peer.tell(Execute(statement_id=sid, attempt=2, sql="SELECT 1"))
    assert (await peer.next(End)).attempt == 2


@pytest.mark.parametrize("kind", [Execute, Export, Explain])
async def test_a_text_that_is_not_the_one_that_was_sent_does_not_run(
    agent: Attach, backend: Any, statement_id: Any, kind: Any
) -> None:
    """One bit turned over, as a link below TLS does it: ``id < 81`` would be another question."""
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    meant, came = "SELECT id FROM people WHERE id < 81", "SELECT id FROM people WHERE id < 80"
    await peer.tell(kind(statement_id=sid, sql=came, sql_digest=digest_of(meant)))
    refusal = await peer.next(ErrorMessage)
    assert (refusal.code, refusal.about) == ("digest_mismatch", sid)
    assert refusal.hint
    # Nothing of it is remembered: sent again, and whole, it runs under the same number.
    await peer.tell(Execute(statement_id=sid, sql=meant, sql_digest=digest_of(meant)))
    assert (await peer.next(End)).rows == 80


async def test_rows_wait_for_credit_and_others_do_not(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    slow, quick = statement_id(), statement_id()
    sql = "SELECT g, repeat('x', 100) FROM generate_series(1, 20000) AS g"
    await peer.tell(Execute(statement_id=slow, sql=sql, credit_bytes=1))
    await peer.next(Columns)
    await asyncio.sleep(0.3)
    await peer.tell(Execute(statement_id=quick, sql="SELECT 1"))
    heard = []
    while not (heard and getattr(heard[-1], "type", "") == "end"):
        heard.append(await peer.next())
    assert heard[-1].statement_id == quick
    assert sum(getattr(frame, "statement_id", "") == slow for frame in heard) <= 1
    for _ in range(400):
        await peer.tell(Credit(statement_id=slow, bytes=10_000))
    _, end = await peer.result(slow)
    assert isinstance(end, End)
    assert end.rows == 20000


async def test_stop_empties_the_database_twenty_times(
    agent: Attach, backend: Any, statement_id: Any, place: Any, until: Any
) -> None:
    await agent()
    peer = await backend.peer()
    with psycopg.connect(place.owner, autocommit=True) as owner:
        for _ in range(20):
            sid = statement_id()
            await peer.tell(Execute(statement_id=sid, sql="SELECT pg_sleep(60)", run_id="stopme"))
            await until(lambda: _active(owner, "custard-agent/stopme"))
            await peer.tell(Cancel(statement_id=sid))
            cancelled = await peer.next(Cancelled)
            assert cancelled.statement_id == sid
            assert cancelled.elapsed_ms < 30_000, "it slept on"
            # At once, unless it was deaf for so long that its connection was cut.
            await until(lambda: not _active(owner, "custard-agent/stopme"))


def _active(owner: psycopg.Connection[Any], name: str) -> bool:
    row = owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state = 'active'"
        " AND wait_event = 'PgSleep'",
        (name,),
    ).fetchone()
    return bool(row and row[0])


async def test_cancel_of_what_is_unknown_or_credit_starved(
    agent: Attach, backend: Any, statement_id: Any
) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(Cancel(statement_id=statement_id()))
    await peer.next(Cancelled)
    sid = statement_id()
    sql = "SELECT g, repeat('x', 100) FROM generate_series(1, 5000000) AS g"
    await peer.tell(Execute(statement_id=sid, sql=sql, credit_bytes=1))
    await peer.next(Columns)
    await peer.tell(Cancel(statement_id=sid))
    await peer.tell(Cancel(statement_id=sid))
    _, ending = await peer.result(sid)
    assert isinstance(ending, Cancelled)


async def test_a_blip_costs_nothing(agent: Attach, backend: Any, statement_id: Any, held: Any) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    execute = Execute(statement_id=sid, sql=f"SELECT {held.call}, g FROM generate_series(1, 2) AS g")
    await peer.tell(execute)
    await peer.next(Accepted)
    peer.socket.transport.abort()
    peer = await backend.peer()
    assert [(item.statement_id, item.state) for item in peer.hello.in_flight] == [(sid, "running")]
    await peer.tell(execute)
    await peer.next(Accepted)
    held.let_go()
    frames, end = await peer.result(sid)
    assert isinstance(end, End)
    assert sum(frame.row_count for frame in frames) == 2


async def test_a_finished_result_survives_until_confirmed(
    agent: Attach, backend: Any, statement_id: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    execute = Execute(statement_id=sid, sql="SELECT g FROM generate_series(1, 5000) AS g")
    await peer.tell(execute)
    first, _ = await peer.result(sid)
    peer.socket.transport.abort()
    peer = await backend.peer()
    assert [(item.statement_id, item.state) for item in peer.hello.in_flight] == [(sid, "finished")]
    await peer.tell(execute)
    second, end = await peer.result(sid)
    assert [frame.body for frame in second] == [frame.body for frame in first]
    await peer.tell(EndAck(statement_id=sid))
    assert end.rows == 5000


async def test_what_nobody_asks_for_again_is_cancelled(
    agent: Attach, backend: Any, statement_id: Any, place: Any, until: Any
) -> None:
    client = await agent()
    client.statements._detached_seconds = 0.3
    peer = await backend.peer()
    await peer.tell(Execute(statement_id=statement_id(), sql="SELECT pg_sleep(60)", run_id="orphan"))
    with psycopg.connect(place.owner, autocommit=True) as owner:
        await until(lambda: _active(owner, "custard-agent/orphan"))
        peer.socket.transport.abort()
        await backend.peer()
        await until(lambda: not _active(owner, "custard-agent/orphan"))
    await until(lambda: not client.statements.in_flight())
    assert client.statements._open == {}
    assert client.statements._keep.used == 0


async def test_a_failure_that_nobody_heard_is_told_again(
    agent: Attach, backend: Any, statement_id: Any, until: Any, held: Any
) -> None:
    client = await agent()
    peer = await backend.peer()
    sid = statement_id()
    execute = Execute(statement_id=sid, sql=f"SELECT {held.call}, 1 / (random() * 0)::integer")
    await peer.tell(execute)
    await peer.next(Accepted)
    peer.socket.transport.abort()
    peer = await backend.peer()
    held.let_go()
    await until(lambda: not client.statements.running)
    await peer.tell(execute)
    failed = await peer.next(StatementFailed)
    assert failed.failure.sqlstate == "22012"


async def test_a_silent_backend_is_given_up(
    agent: Attach, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.client.PING_SECONDS", 0.2)
    monkeypatch.setattr("agent.client.PONG_SECONDS", 0.2)
    await agent()
    peer = await backend.peer()
    # As a stopped process does: the socket stays open, and nothing is read or answered.
    peer.socket.transport.pause_reading()
    assert (await backend.peer()).hello.instance == peer.hello.instance
    peer.socket.transport.abort()


async def test_a_huge_result_cannot_be_resumed_and_is_not_kept(
    agent: Attach, backend: Any, statement_id: Any
) -> None:
    client = await agent()
    peer = await backend.peer()
    sid = statement_id()
    sql = "SELECT g, repeat('x', 500) FROM generate_series(1, 40000) AS g"
    await peer.tell(Execute(statement_id=sid, sql=sql, credit_bytes=100_000_000))
    _, end = await peer.result(sid)
    assert end.bytes > 20_000_000
    assert client.statements._keep.used < 9 * 1024 * 1024
    peer.socket.transport.abort()
    peer = await backend.peer()
    assert peer.hello.in_flight == []
    await peer.tell(Execute(statement_id=sid, sql=sql))
    assert isinstance(await peer.next(StatementFailed, ErrorMessage), StatementFailed | ErrorMessage)


async def test_introspection_answers_snapshot_unchanged_and_delta(
    agent: Attach, backend: Any, place: Any
) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(Introspect(request_id="a"))
    snapshot = (await peer.next(Snapshot)).snapshot
    assert snapshot.fingerprint == peer.hello.fingerprint
    await peer.tell(Introspect(request_id="b", known=snapshot.fingerprint))
    assert (await peer.next(Unchanged)).request_id == "b"
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE brand_new (id integer PRIMARY KEY)")
        owner.execute("GRANT SELECT ON brand_new TO reader")
    try:
        await peer.tell(Introspect(request_id="c", known=snapshot.fingerprint))
        delta = await peer.next(Delta)
        assert [table.name for table in delta.tables] == ["brand_new"]
        assert delta.removed == []
        whole = delta.snapshot_head.model_copy(
            update={
                "tables": sorted([*snapshot.tables, *delta.tables], key=lambda table: table.qualified_name)
            }
        )
        assert len(whole.tables) == len(snapshot.tables) + 1
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("DROP TABLE brand_new")
    await peer.tell(Introspect(request_id="d", known=delta.fingerprint))
    assert (await peer.next(Delta)).removed == ["public.brand_new"]


async def test_a_snapshot_too_large_for_a_frame_is_an_error(agent: Attach, backend: Any) -> None:
    backend.limits = WireLimits(max_frame_bytes=1000)
    await agent()
    peer = await backend.peer()
    await peer.tell(Introspect(request_id="a"))
    error = await peer.next(ErrorMessage)
    assert (error.code, error.about) == ("snapshot_too_large", "a")


async def test_explain(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(Explain(statement_id=statement_id(), sql="SELECT * FROM people"))
    assert (await peer.next(Plan)).cost > 0


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", "malformed_frame"),
        ('{"type": "reboot"}', "unknown_message"),
        ('{"type": "execute", "statement_id": "x", "sql": "SELECT 1"}', "malformed_frame"),
        ("[]", "malformed_frame"),
        (b"\x00\x01", "wire"),
        ('{"type": "credit", "statement_id": "' + "a" * 32 + '", "bytes": -5}', "malformed_frame"),
    ],
)
async def test_frames_that_make_no_sense_are_answered(
    agent: Attach, backend: Any, statement_id: Any, frame: str | bytes, code: str
) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(frame)
    assert (await peer.next(ErrorMessage)).code == code
    await peer.tell(Execute(statement_id=statement_id(), sql="SELECT 1"))
    assert isinstance(await peer.next(End), End)


async def test_a_peer_that_only_babbles_is_left(agent: Attach, backend: Any) -> None:
    await agent()
    peer = await backend.peer()
    for _ in range(10):
        await peer.tell("babble")
    await asyncio.wait_for(peer.socket.wait_closed(), HANG_SECONDS)
    assert peer.socket.close_code == 1008
    await backend.peer()


async def test_an_oversized_frame_closes_with_1009(agent: Attach, backend: Any) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell("x" * (3 * 1024 * 1024))
    await asyncio.wait_for(peer.socket.wait_closed(), HANG_SECONDS)
    assert peer.socket.close_code == 1009
    await backend.peer()


async def test_a_wrong_token_ends_the_agent(agent: Attach, backend: Any) -> None:
    client = await agent(token="wrong")
    with pytest.raises(NotAuthorised, match="token"):
        await asyncio.wait_for(client.task, HANG_SECONDS)


@pytest.mark.parametrize(
    ("code", "error"), [(4409, Superseded), (4401, NotAuthorised), (4403, NotAuthorised)]
)
async def test_a_final_close_ends_the_agent(
    agent: Attach, backend: Any, code: int, error: type[Exception]
) -> None:
    client = await agent()
    peer = await backend.peer()
    await peer.socket.close(code, "for good")
    with pytest.raises(error):
        await asyncio.wait_for(client.task, HANG_SECONDS)


async def test_another_protocol_ends_the_agent(agent: Attach, backend: Any) -> None:
    backend.protocol = 9
    client = await agent()
    with pytest.raises(VersionRefused, match="protocol 9"):
        await asyncio.wait_for(client.task, HANG_SECONDS)


async def test_trouble_of_the_server_is_waited_out(agent: Attach, backend: Any, until: Any) -> None:
    backend.refuse = 503
    await agent()
    await until(lambda: len(backend.handshakes) >= 2)
    backend.refuse = None
    assert (await backend.peer()).hello.agent_version


async def test_a_replica_that_drains_is_served_while_another_is_dialled(
    agent: Attach, backend: Any, statement_id: Any, held: Any
) -> None:
    client = await agent()
    peer = await backend.peer()
    sid, late = statement_id(), statement_id()
    await peer.tell(Execute(statement_id=sid, sql=f"SELECT {held.call}"))
    await peer.next(Accepted)
    await peer.tell(Drain(grace_seconds=60))
    other = await backend.peer()
    assert other.hello.attached == [peer.replica]
    assert other.hello.in_flight == [], "what the first one is owed is not offered to the second"
    await peer.tell(Execute(statement_id=late, sql="SELECT 1"))
    assert isinstance((await peer.result(late))[1], End)
    held.let_go()
    assert isinstance((await peer.result(sid))[1], End)
    assert peer.socket.close_code is None
    await peer.socket.close(1012, "restarted")
    await other.tell(Execute(statement_id=statement_id(), sql="SELECT 1"))
    assert isinstance(await other.next(End), End)
    assert len(backend.handshakes) == 2
    assert not client.task.done()


async def test_a_replica_that_drains_and_does_not_close_is_left(
    agent: Attach, backend: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("agent.client._LEFT_SECONDS", 0.2)
    await agent()
    peer = await backend.peer()
    await peer.tell(Drain(grace_seconds=0.1))
    await backend.peer()
    await asyncio.wait_for(peer.socket.wait_closed(), HANG_SECONDS)
    assert peer.socket.close_code == 1000


# --- two sockets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicas", [1, 2])
async def test_an_agent_that_is_told_to_stop_comes_to_its_end(
    agent: Attach, backend: Any, until: Any, replicas: int
) -> None:
    backend.replicas = replicas
    client = await agent()
    await until(lambda: len(client._lines.sessions) == replicas)
    await client.stop(0)
    await asyncio.wait_for(client.task, HANG_SECONDS)


async def test_with_two_replicas_there_are_two_sockets(
    agent: Attach, backend: Any, statement_id: Any, until: Any
) -> None:
    backend.replicas = 2
    # The load balancer leads the second one to the first replica, twice.
    backend.next_replica = ["rep_a", "rep_a", "rep_a", "rep_b"]
    await agent()
    first, second = await backend.peer(), await backend.peer()
    assert (first.replica, second.replica) == ("rep_a", "rep_b")
    assert [hello.attached for hello in backend.turned_away] == [["rep_a"], ["rep_a"]]
    assert first.hello.instance == second.hello.instance
    ids = [statement_id(), statement_id()]
    for peer, sid in zip((first, second), ids, strict=True):
        await peer.tell(Execute(statement_id=sid, sql="SELECT 1"))
    for peer, sid in zip((first, second), ids, strict=True):
        assert isinstance((await peer.result(sid))[1], End)
        assert peer.heard.empty(), "each session gets what it asked for, and nothing else"
    assert len(backend.handshakes) == 4


async def test_a_second_replica_that_comes_later_is_dialled_then(
    agent: Attach, backend: Any, until: Any
) -> None:
    client = await agent()
    first = await backend.peer()
    welcome = {"protocol": 1, "agent_id": "agt_1", "connection_id": "conn_1", "epoch": 1}
    await first.tell(Welcome(**welcome, replica=first.replica, replicas=2))
    second = await backend.peer()
    assert second.hello.attached == [first.replica]
    # Of three replicas two are enough.
    await first.tell(Welcome(**welcome, replica=first.replica, replicas=3))
    await until(lambda: client._lines._replicas == 3)
    await asyncio.sleep(0.3)
    assert len(backend.peers) == 2
    # The other one goes, and with it the reason to have a second socket.
    await first.tell(Welcome(**welcome, replica=first.replica, replicas=1))
    await until(lambda: client._lines._replicas == 1)
    await second.socket.close(1012, "gone")
    await asyncio.sleep(0.3)
    assert len(backend.peers) == 2


async def test_a_statement_of_a_lost_socket_is_told_through_the_other(
    agent: Attach, backend: Any, statement_id: Any, until: Any, held: Any
) -> None:
    backend.replicas = 2
    client = await agent()
    first, second = await backend.peer(), await backend.peer()
    sid = statement_id()
    message = Execute(statement_id=sid, sql=f"SELECT count(*), {held.call} FROM people")
    await first.tell(message)
    await first.next(Accepted)
    await second.tell(message)
    refusal = await second.next(ErrorMessage)
    assert refusal.code == "duplicate_statement", "one socket cannot take what another is owed"
    first.socket.transport.abort()
    await until(lambda: client.statements.in_flight())
    await second.tell(message)
    await second.next(Accepted)
    held.let_go()
    frames, end = await second.result(sid)
    assert isinstance(end, End)
    assert sum(frame.row_count for frame in frames) == end.rows == 1


async def test_the_loss_of_one_socket_leaves_the_other_alone(
    agent: Attach, backend: Any, statement_id: Any, until: Any, held: Any
) -> None:
    states: list[bool] = []
    backend.replicas = 2
    client = await agent()
    first, second = await backend.peer(), await backend.peer()
    await until(lambda: len(client._lines.sessions) == 2)
    client._on_state = states.append
    sid = statement_id()
    await second.tell(Execute(statement_id=sid, sql=f"SELECT {held.call}"))
    await second.next(Accepted)
    first.socket.transport.abort()
    again = await backend.peer()
    assert again.hello.attached == [second.replica]
    assert again.hello.in_flight == []
    held.let_go()
    assert isinstance((await second.result(sid))[1], End)
    assert states == [], "it was attached all the time"


async def test_a_final_close_of_one_socket_ends_the_agent(agent: Attach, backend: Any) -> None:
    backend.replicas = 2
    client = await agent()
    first, second = await backend.peer(), await backend.peer()
    await second.socket.close(4409, "for good")
    with pytest.raises(Superseded):
        await asyncio.wait_for(client.task, HANG_SECONDS)
    await asyncio.wait_for(first.socket.wait_closed(), HANG_SECONDS)


async def test_a_busy_backend_says_when_to_come_back(agent: Attach, backend: Any, until: Any) -> None:
    backend.refuse = 503
    backend.retry_after = "1"
    await agent()
    await until(lambda: backend.handshakes)
    backend.refuse = None
    await backend.peer()
    # The backoff here is 0.05 s: only what was asked for explains a whole second.
    assert backend.knocks[1] - backend.knocks[0] > 0.9


async def test_a_changed_policy_is_told_at_once(
    agent: Attach, backend: Any, statement_id: Any, tmp_path: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT pg_sleep(60)"))
    await peer.next(Accepted)
    path = tmp_path / "policy.toml"
    path.write_text("this is not toml")
    await asyncio.sleep(0.2)
    path.write_text(
        POLICY.replace('name = "test"', 'name = "tighter"').replace("rows = 10000000", "rows = 7")
    )
    hello = await peer.next(Hello)
    assert hello.policy_name == "tighter"
    assert hello.policy_digest != peer.hello.policy_digest
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT g FROM generate_series(1, 10) AS g"))
    _, end = await peer.result(sid)
    assert (end.rows, end.truncated, end.policy_digest) == (7, "rows", hello.policy_digest)


async def test_what_a_new_policy_lets_through_as_well_ends_under_the_old_one(
    agent: Attach, backend: Any, statement_id: Any, tmp_path: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT pg_sleep(2)"))
    await peer.next(Accepted)
    (tmp_path / "policy.toml").write_text(POLICY.replace("public.secrets", "public.tasks"))
    _, ending = await peer.result(sid)
    assert isinstance(ending, End)
    assert ending.policy_digest == peer.hello.policy_digest


async def test_the_canary_is_in_no_frame(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(Introspect(request_id="a"))
    text = (await peer.next(Snapshot)).model_dump_json()
    for hidden in ("secrets", "email", "Private address", "canary"):
        assert hidden not in text


async def test_told_to_stop_while_it_dials_it_leaves(agent: Attach, backend: Any) -> None:
    """The socket that is welcomed a moment later is one that the stop has not closed."""
    backend.silent = True
    client = await agent()
    peer = await backend.peer()
    await client.stop(0)
    await peer.tell(
        Welcome(protocol=1, agent_id="agt_1", connection_id="conn_1", epoch=1, limits=WireLimits())
    )
    await asyncio.wait_for(client.task, HANG_SECONDS)  # type: ignore[attr-defined]  # set by the fixture
