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
    Hello,
    Introspect,
    Plan,
    Snapshot,
    StatementFailed,
    Unchanged,
    WireLimits,
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


async def test_an_execution_runs_at_most_once(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    again = Execute(statement_id=sid, sql="SELECT pg_sleep(0.3)")
    await peer.tell(again)
    await peer.next(Accepted)
    await peer.tell(again)
    refusal = await peer.next(ErrorMessage)
    assert (refusal.code, refusal.about) == ("duplicate_statement", sid)
    await peer.next(End)
    await peer.tell(EndAck(statement_id=sid))
    await peer.tell(again)
    failed = await peer.next(StatementFailed)
    assert failed.failure.code == "protocol"
    await peer.tell(Execute(statement_id=sid, attempt=2, sql="SELECT 1"))
    assert (await peer.next(End)).attempt == 2


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
            assert cancelled.elapsed_ms < 1000
            assert not _active(owner, "custard-agent/stopme")


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


async def test_a_blip_costs_nothing(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    execute = Execute(statement_id=sid, sql="SELECT pg_sleep(0.5), g FROM generate_series(1, 2) AS g")
    await peer.tell(execute)
    await peer.next(Accepted)
    peer.socket.transport.abort()
    peer = await backend.peer()
    assert [(item.statement_id, item.state) for item in peer.hello.in_flight] == [(sid, "running")]
    await peer.tell(execute)
    await peer.next(Accepted)
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
    agent: Attach, backend: Any, statement_id: Any, until: Any
) -> None:
    client = await agent()
    peer = await backend.peer()
    sid = statement_id()
    execute = Execute(statement_id=sid, sql="SELECT pg_sleep(0.5), 1 / (random() * 0)::integer")
    await peer.tell(execute)
    await peer.next(Accepted)
    peer.socket.transport.abort()
    await until(lambda: not client.statements.running)
    peer = await backend.peer()
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
    await asyncio.wait_for(peer.socket.wait_closed(), 5)
    assert peer.socket.close_code == 1008
    await backend.peer()


async def test_an_oversized_frame_closes_with_1009(agent: Attach, backend: Any) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell("x" * (3 * 1024 * 1024))
    await asyncio.wait_for(peer.socket.wait_closed(), 5)
    assert peer.socket.close_code == 1009
    await backend.peer()


async def test_a_wrong_token_ends_the_agent(agent: Attach, backend: Any) -> None:
    client = await agent(token="wrong")
    with pytest.raises(NotAuthorised, match="token"):
        await asyncio.wait_for(client.task, 5)


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
        await asyncio.wait_for(client.task, 5)


async def test_another_protocol_ends_the_agent(agent: Attach, backend: Any) -> None:
    backend.protocol = 9
    client = await agent()
    with pytest.raises(VersionRefused, match="protocol 9"):
        await asyncio.wait_for(client.task, 5)


async def test_trouble_of_the_server_is_waited_out(agent: Attach, backend: Any, until: Any) -> None:
    backend.refuse = 503
    await agent()
    await until(lambda: len(backend.handshakes) >= 2)
    backend.refuse = None
    assert (await backend.peer()).hello.agent_version


async def test_a_drained_backend_is_left_when_all_is_done(
    agent: Attach, backend: Any, statement_id: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT pg_sleep(0.3)"))
    await peer.next(Accepted)
    await peer.tell(Drain(grace_seconds=10))
    _, end = await peer.result(sid)
    assert isinstance(end, End)
    assert isinstance(await backend.peer(), object)


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


async def test_statements_under_the_old_policy_are_stopped(
    agent: Attach, backend: Any, statement_id: Any, tmp_path: Any
) -> None:
    await agent()
    peer = await backend.peer()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql="SELECT pg_sleep(60)"))
    await peer.next(Accepted)
    (tmp_path / "policy.toml").write_text(POLICY.replace("public.secrets", "public.tasks"))
    _, ending = await peer.result(sid)
    assert isinstance(ending, StatementFailed)
    assert (ending.failure.code, ending.failure.retryable) == ("policy", True)


async def test_the_canary_is_in_no_frame(agent: Attach, backend: Any, statement_id: Any) -> None:
    await agent()
    peer = await backend.peer()
    await peer.tell(Introspect(request_id="a"))
    text = (await peer.next(Snapshot)).model_dump_json()
    for hidden in ("secrets", "email", "Private address", "canary"):
        assert hidden not in text
