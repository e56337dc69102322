"""The contract of the repositories, held by every implementation of the store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api.errors import (
    BadCursor,
    BadSettings,
    KeyReused,
    StoreRefused,
    StoreUnavailable,
    UnknownConnection,
)
from api.ids import new_id
from api.recorder import stored
from api.store.postgres import PostgresStore
from api.store.protocols import Store
from api.store.records import (
    IMPLAUSIBLE_LEASES,
    KEPT_MANIFESTS,
    AgentFacts,
    Attached,
    Batch,
    ConnectionRecord,
    ExportRecord,
    Holder,
    IdempotencyKey,
    JoinCodeRecord,
    RunRecord,
    SnapshotMark,
    StoredEvent,
)
from api.store.sqlite import SqliteStore
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from graph.events import (
    RUN_EVENT,
    Drafted,
    Executed,
    RunCancelled,
    RunEvent,
    RunFailed,
    RunStarted,
    StepStarted,
)
from graph.fold import fold
from graph.record import Problem
from graph.run import Run
from wire.outcome import Failed, Outcome, ResultColumn, Rows
from wire.policy import Policy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres() as started:
        yield started


@pytest.fixture
def new_database(server: EmbeddedPostgres) -> Callable[[], str]:
    """Makes an empty database on the throw-away server; its connection string."""

    def make() -> str:
        name = f"store_{uuid4().hex}"
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"'.encode())
        return server.dsn(name)

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres(18))])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = (
        SqliteStore(tmp_path / "custard.db")
        if request.param == "sqlite"
        else PostgresStore(request.getfixturevalue("new_database")())
    )
    await made.open()
    yield made
    await made.close()


async def _connection(store: Store, tenant: str = "local") -> ConnectionRecord:
    record = ConnectionRecord(new_id("conn"), tenant, "Demo", "", "Use EUR.", NOW)
    await store.connections.add(record)
    return record


async def _run(store: Store, connection: ConnectionRecord, **values: Any) -> tuple[str | None, RunRecord]:
    at = values.pop("at", NOW)
    thread_id = values.pop("thread_id", None) or new_id("thr")
    run_id = new_id("run")
    first = RunStarted(
        run_id=run_id,
        at=at,
        thread_id=thread_id,
        connection_id=connection.connection_id,
        question="How many engineers?",
    )
    record = RunRecord(
        run_id,
        connection.tenant,
        connection.connection_id,
        thread_id,
        "running",
        "How many engineers?",
        at,
        detached=values.get("detached", False),
    )
    earlier = await store.runs.start(
        record,
        stored(1, first),
        thread_title="How many engineers?",
        key=values.get("key"),
        holder=values.get("holder"),
    )
    return earlier, record


async def _append(store: Store, run_id: str, event: RunEvent, position: int) -> bool:
    events = [*(await _events(store, run_id)), event]
    run = fold(events)
    assert run is not None
    return await _written(store, run_id, (position, event), ended=run if run.finished_at else None)


async def _written(
    store: Store, run_id: str, *told: tuple[int, RunEvent], ended: Run | None = None, epoch: int | None = None
) -> bool:
    (taken,) = await store.runs.append([_batch(run_id, *told, ended=ended, epoch=epoch)])
    return taken


def _batch(
    run_id: str, *told: tuple[int, RunEvent], ended: Run | None = None, epoch: int | None = None
) -> Batch:
    return Batch(run_id, tuple(stored(position, event) for position, event in told), ended, epoch)


async def _events(store: Store, run_id: str) -> list[RunEvent]:
    return [RUN_EVENT.validate_json(event.data) for event in await store.runs.events(run_id, 0)]


async def test_connections_belong_to_their_tenant(store: Store) -> None:
    mine, theirs = await _connection(store), await _connection(store, "other")
    assert await store.connections.all("local") == [mine]
    assert await store.connections.get("local", mine.connection_id) == mine
    assert await store.connections.get("local", theirs.connection_id) is None
    policy = Policy.model_validate({"tables": {"a.b": {"masks": {"c": {"kind": "null"}}}}})
    renamed = ConnectionRecord(mine.connection_id, "local", "New", "d", "i", NOW, policy)
    assert await store.connections.update(renamed)
    assert await store.connections.get("local", mine.connection_id) == renamed
    assert not await store.connections.update(ConnectionRecord(mine.connection_id, "other", "x", "", "", NOW))
    assert not await store.connections.delete("local", theirs.connection_id)
    assert await store.connections.delete("other", theirs.connection_id)


async def test_a_join_code_works_once_and_in_time(store: Store) -> None:
    connection = await _connection(store)

    async def code(name: str, minutes: int) -> None:
        expires = NOW + timedelta(minutes=minutes)
        await store.agents.add_code(JoinCodeRecord(name, "local", connection.connection_id, NOW, expires))

    await code("good", 15)
    tries = (store.agents.redeem("good", f"agt_{n}", "", f"token {n}", NOW) for n in range(5))
    found = [agent for agent in await asyncio.gather(*tries) if agent is not None]
    assert len(found) == 1
    assert await store.agents.by_token(found[0].token_hash) == found[0]
    assert await store.agents.by_token("token") is None
    await code("late", 15)
    assert await store.agents.redeem("late", "agt_x", "", "x", NOW + timedelta(minutes=16)) is None


async def test_agents_count_epochs_and_keep_their_facts(store: Store) -> None:
    connection = await _connection(store)
    expires = NOW + timedelta(minutes=1)
    await store.agents.add_code(JoinCodeRecord("c", "local", connection.connection_id, NOW, expires))
    agent = await store.agents.redeem("c", "agt_1", "east", "hash", NOW)
    assert agent is not None
    facts = AgentFacts(version="1", policy_digest="p", database="d")
    assert await store.agents.attached("agt_1", facts, NOW) == Attached(1, None)
    policy = Policy.model_validate({"tables": {"a.b": {"masks": {"c": {"kind": "null"}}}}})
    assert await store.connections.update(replace(connection, policy=policy))
    assert await store.agents.attached("agt_1", facts, NOW) == Attached(2, policy)
    assert await store.agents.attached("agt_none", facts, NOW) is None
    later = NOW + timedelta(hours=1)
    await store.agents.heard("agt_1", None, later)
    (known,) = await store.agents.of_connection("local", connection.connection_id)
    assert (known.epoch, known.facts, known.last_seen_at, known.name) == (2, facts, later, "east")
    assert not await store.agents.revoke("other", connection.connection_id, "agt_1", NOW)
    assert await store.agents.revoke("local", connection.connection_id, "agt_1", NOW)
    assert await store.agents.revoke("local", connection.connection_id, "agt_1", later)
    # A hello may have been under way meanwhile: it opens no session, and counts none.
    assert await store.agents.attached("agt_1", facts, NOW) is None
    revoked = await store.agents.by_token("hash")
    assert revoked is not None
    assert revoked.revoked_at == NOW


async def test_agents_that_come_at_once_are_noted_each_by_itself(store: Store) -> None:
    connection = await _connection(store)
    expires = NOW + timedelta(minutes=1)
    names = [f"agt_{number:02}" for number in range(12)]
    for name in names:
        await store.agents.add_code(JoinCodeRecord(name, "local", connection.connection_id, NOW, expires))
        assert await store.agents.redeem(name, name, "", f"token {name}", NOW) is not None
    found = await asyncio.gather(*(store.agents.by_token(f"token {name}") for name in [*names, "none"]))
    assert [one and one.agent_id for one in found] == [*names, None]
    facts = {name: AgentFacts(database=name) for name in names}
    # The last one comes twice in the same moment, as a cloned container does.
    hellos = (
        store.agents.attached(name, facts.get(name, AgentFacts()), NOW)
        for name in [*names, "agt_none", names[-1]]
    )
    attached = await asyncio.gather(*hellos)
    epochs = [one.epoch if one else None for one in attached]
    assert epochs[:-3] == [1] * (len(names) - 1)
    assert sorted([epochs[-3] or 0, epochs[-1] or 0]) == [1, 2]
    assert epochs[-2] is None
    later = NOW + timedelta(hours=1)
    told = AgentFacts(database="another")
    await asyncio.gather(
        *(store.agents.heard(name, None, later) for name in names),
        store.agents.heard(names[0], told, later),
        store.agents.heard(names[0], None, later),
    )
    known = {one.agent_id: one for one in await store.agents.of_connection("local", connection.connection_id)}
    assert {one.last_seen_at for one in known.values()} == {later}
    assert [known[name].facts for name in names] == [told, *(facts[name] for name in names[1:])]


async def test_the_last_snapshot_is_kept_as_long_as_its_connection(store: Store, snapshot: Any) -> None:
    connection = await _connection(store)
    await store.snapshots.put(connection.connection_id, snapshot(tables=[]), "one")
    await store.snapshots.put(connection.connection_id, snapshot(), "two")
    kept = await store.snapshots.get(connection.connection_id)
    assert await store.snapshots.mark(connection.connection_id) == SnapshotMark(snapshot().fingerprint, "two")
    assert await store.snapshots.mark("conn_none") is None
    assert kept is not None
    assert (kept.snapshot, kept.policy_digest) == (snapshot(), "two")
    await store.connections.delete("local", connection.connection_id)
    assert await store.snapshots.get(connection.connection_id) is None
    await store.snapshots.put(connection.connection_id, snapshot(), "late")
    assert await store.snapshots.get(connection.connection_id) is None


async def test_events_are_appended_in_order_until_the_end(store: Store) -> None:
    _, run = await _run(store, await _connection(store))
    step = StepStarted(run_id=run.run_id, at=NOW, step="draft_sql")
    end = RunCancelled(run_id=run.run_id, at=NOW, reason="enough")
    assert not await _append(store, run.run_id, step, 1)
    assert not await _append(store, run.run_id, step, 3)
    assert await _append(store, run.run_id, step, 2)
    open_run = await store.runs.load(run.run_id)
    assert open_run is not None
    assert (open_run.status, open_run.last_event_id) == ("running", 2)
    assert await _append(store, run.run_id, end, 3)
    assert not await _written(store, run.run_id, (4, step))
    assert not await _written(store, "run_none", (1, step))
    assert [event.position for event in await store.runs.events(run.run_id, 1)] == [2, 3]
    kept = await store.runs.load(run.run_id)
    assert kept == fold(await _events(store, run.run_id))
    record = await store.runs.get("local", run.run_id)
    assert record is not None
    assert (record.status, record.finished_at) == ("cancelled", NOW)
    assert await store.runs.get("other", run.run_id) is None


async def test_of_two_who_append_at_once_one_wins(store: Store) -> None:
    _, run = await _run(store, await _connection(store))
    events = [
        RunFailed(run_id=run.run_id, at=NOW, problem=Problem(code=str(n), message="")) for n in range(4)
    ]
    before = await _events(store, run.run_id)
    step = StepStarted(run_id=run.run_id, at=NOW, step="draft_sql")
    tries = (
        _written(store, run.run_id, (2, step), (3, event), ended=fold([*before, step, event]))
        for event in events
    )
    taken = await asyncio.gather(*tries)
    assert sorted(taken) == [False, False, False, True]
    assert len(await store.runs.events(run.run_id, 0)) == 3


async def test_what_several_runs_tell_is_taken_run_by_run(store: Store) -> None:
    connection, now = await _connection(store), datetime.now(UTC)
    going, ending, taken_over = [
        (await _run(store, connection, at=now + timedelta(seconds=n), holder=Holder("a", 60.0)))[1].run_id
        for n in range(3)
    ]
    before = await _events(store, ending)

    def step(run_id: str) -> RunEvent:
        return StepStarted(run_id=run_id, at=NOW, step="draft_sql")

    end = RunCancelled(run_id=ending, at=NOW, reason="enough")
    batches = [
        _batch(taken_over, (2, step(taken_over)), epoch=7),
        _batch(ending, (2, step(ending)), (3, end), ended=fold([*before, step(ending), end]), epoch=1),
        _batch("run_none", (2, step("run_none"))),
        _batch(going, (2, step(going)), (3, step(going)), epoch=1),
    ]
    assert await store.runs.append(batches) == [False, True, False, True]
    assert [len(await store.runs.events(run_id, 0)) for run_id in (going, ending, taken_over)] == [3, 3, 1]
    kept = await store.runs.load(ending)
    assert kept == fold(await _events(store, ending))
    assert {run.run_id for run in await store.runs.unfinished()} == {going, taken_over}
    # The same once more: every position is taken, or its run has ended.
    assert await store.runs.append(batches) == [False, False, False, False]


async def test_what_the_store_cannot_hold_spoils_no_other_run(store: Store) -> None:
    """A lone surrogate stands for whatever an encoding lacks."""
    connection = await _connection(store)
    runs = [(await _run(store, connection, at=NOW + timedelta(seconds=n)))[1].run_id for n in range(4)]
    batches = [_batch(run_id, (2, StepStarted(run_id=run_id, at=NOW, step="draft_sql"))) for run_id in runs]
    poison = StoredEvent(3, "step_started", "\ud800")
    batches[1] = replace(batches[1], events=(*batches[1].events, poison))
    batches[3] = replace(batches[3], epoch=9)
    fates = await store.runs.append(batches)
    assert [fates[0], fates[2], fates[3]] == [True, True, False]
    assert isinstance(fates[1], StoreRefused)
    assert [len(await store.runs.events(run_id, 0)) for run_id in runs] == [2, 1, 2, 1]
    (alone,) = await store.runs.append([batches[1]])
    assert isinstance(alone, StoreRefused)


async def test_of_two_who_append_for_several_runs_one_wins_each(store: Store) -> None:
    connection = await _connection(store)
    runs = [(await _run(store, connection, at=NOW + timedelta(seconds=n)))[1].run_id for n in range(6)]

    def batches(order: list[str]) -> list[Batch]:
        return [_batch(run_id, (2, StepStarted(run_id=run_id, at=NOW, step="draft_sql"))) for run_id in order]

    first, second = await asyncio.gather(
        store.runs.append(batches(runs)), store.runs.append(batches(runs[::-1]))
    )
    assert [one + other for one, other in zip(first, second[::-1], strict=True)] == [1] * len(runs)
    assert [len(await store.runs.events(run_id, 0)) for run_id in runs] == [2] * len(runs)


async def test_an_idempotency_key_finds_its_run(store: Store) -> None:
    connection = await _connection(store)
    key = IdempotencyKey("k", "body")
    now = datetime.now(UTC)
    assert await store.runs.earlier("local", key) is None
    none, first = await _run(store, connection, key=key, at=now)
    assert none is None
    earlier, second = await _run(store, connection, key=key, at=now)
    assert earlier == first.run_id == await store.runs.earlier("local", key)
    assert await store.runs.get("local", second.run_id) is None
    with pytest.raises(KeyReused):
        await store.runs.earlier("local", IdempotencyKey("k", "another"))
    assert await store.runs.earlier("other", IdempotencyKey("k", "another")) is None
    old = IdempotencyKey("old", "body")
    await _run(store, connection, key=old, at=now - timedelta(hours=25))
    assert await store.runs.earlier("local", old) is None


async def test_what_is_asked_of_a_connection_while_it_is_deleted_is_told_so(store: Store) -> None:
    connection = await _connection(store)
    assert await store.connections.delete("local", connection.connection_id)
    for key in (None, IdempotencyKey("k", "h")):
        with pytest.raises(UnknownConnection):
            await _run(store, connection, key=key)
    with pytest.raises(UnknownConnection):
        await store.agents.add_code(
            JoinCodeRecord("hash", "local", connection.connection_id, NOW, NOW + timedelta(minutes=1))
        )


async def test_pages_hold_everything_once(store: Store) -> None:
    connection, other = await _connection(store), await _connection(store)
    made = [(await _run(store, connection, at=NOW + timedelta(seconds=n // 3)))[1].run_id for n in range(7)]
    await _run(store, other)
    filters: dict[str, Any] = {"connection_id": connection.connection_id, "thread_id": None, "status": None}
    seen: list[str] = []
    before = None
    while True:
        page = await store.runs.page("local", **filters, limit=3, before=before)
        seen += [run.run_id for run in page.items]
        if (before := page.next) is None:
            break
    assert seen == sorted(made, reverse=True)
    threads: list[str] = []
    while True:
        chats = await store.threads.page(
            "local", connection_id=connection.connection_id, limit=2, before=before
        )
        threads += [thread.thread_id for thread in chats.items]
        if (before := chats.next) is None:
            break
    assert len(threads) == len(set(threads)) == 7
    assert not (await store.runs.page("other", **filters, limit=3, before=None)).items
    with pytest.raises(BadCursor):
        await store.threads.page("local", connection_id=None, limit=2, before="nonsense")


async def test_threads_hold_their_turns_and_go_with_them(store: Store) -> None:
    connection = await _connection(store)
    _, first = await _run(store, connection)
    _, second = await _run(store, connection, thread_id=first.thread_id, at=NOW + timedelta(minutes=1))
    thread = await store.threads.get("local", first.thread_id)
    assert thread is not None
    assert (thread.turns, thread.updated_at) == (2, NOW + timedelta(minutes=1))
    assert await store.threads.turns(first.thread_id, 5) == []
    assert await store.threads.rename("local", first.thread_id, "Renamed")
    assert not await store.threads.rename("other", first.thread_id, "Mine")
    page = await store.runs.of_thread(first.thread_id, limit=2, before=None)
    assert ([run.run_id for run in page.items], page.next) == ([first.run_id, second.run_id], None)
    assert not await store.threads.delete("other", first.thread_id)
    assert await store.threads.delete("local", first.thread_id)
    assert await store.runs.load(first.run_id) is None
    assert await store.runs.events(first.run_id, 0) == []


async def test_a_long_thread_is_read_in_parts(store: Store) -> None:
    connection = await _connection(store)
    made = [(await _run(store, connection, thread_id="thr_1"))[1].run_id for _ in range(7)]
    await _run(store, connection)
    assert await _append(store, made[3], RunCancelled(run_id=made[3], at=NOW), 2)
    parts, before = [], None
    while True:
        page = await store.runs.of_thread("thr_1", limit=3, before=before)
        parts.append([run.run_id for run in page.items])
        if (before := page.next) is None:
            break
    assert parts == [made[4:], made[1:4], made[:1]]
    assert (await store.runs.of_thread("thr_none", limit=3, before=None)).items == []


async def test_the_results_of_a_thread_are_known_without_its_runs(store: Store) -> None:
    connection = await _connection(store)
    _, run = await _run(store, connection, thread_id="thr_1")
    _, other = await _run(store, connection)
    hostile = 'a "result_ref":"res_of_nobody" \0 \\'

    def rows(ref: str | None) -> Rows:
        column = ResultColumn(name="result_ref", type="text")
        return Rows(
            columns=[column],
            preview=[[hostile]],
            row_count=1,
            digest="d" * 64,
            policy_digest="p" * 32,
            result_ref=ref,
        )

    outcomes: list[Outcome] = [
        rows("res_1-a"),
        rows(None),
        Failed(code="database", message=hostile),
        rows("res_2-b"),
    ]
    for place, outcome in enumerate(outcomes):
        drafted = Drafted(run_id=run.run_id, at=NOW, attempt=place + 1, sql="SELECT 1")
        executed = Executed(run_id=run.run_id, at=NOW, attempt=place + 1, outcome=outcome)
        assert await _written(store, run.run_id, (2 + 2 * place, drafted), (3 + 2 * place, executed))
    drafted = Drafted(run_id=other.run_id, at=NOW, attempt=1, sql="SELECT 1")
    executed = Executed(run_id=other.run_id, at=NOW, attempt=1, outcome=rows("res_3-c"))
    assert await _written(store, other.run_id, (2, drafted), (3, executed))
    assert sorted(await store.runs.results_of_thread("thr_1")) == ["res_1-a", "res_2-b"]
    assert await store.runs.results_of_thread("thr_none") == []


async def test_unfinished_runs_are_found_whosever_they_are(store: Store) -> None:
    _, mine = await _run(store, await _connection(store))
    _, theirs = await _run(store, await _connection(store, "other"))
    assert {run.run_id for run in await store.runs.unfinished()} == {mine.run_id, theirs.run_id}
    end = RunCancelled(run_id=mine.run_id, at=NOW)
    await _append(store, mine.run_id, end, 2)
    assert [run.run_id for run in await store.runs.unfinished()] == [theirs.run_id]


A, B = Holder("a", 60.0), Holder("b", 60.0)


async def _take(store: Store, holder: Holder, connection: ConnectionRecord, *dead: str) -> dict[str, int]:
    taken = await store.leases.take(
        holder, dead=dead, online=[connection.connection_id], overdue_seconds=3600.0
    )
    return {record.run_id: lease.epoch for record, lease in taken}


async def test_a_run_is_driven_by_one_and_an_older_epoch_is_refused(store: Store) -> None:
    connection, now = await _connection(store), datetime.now(UTC)
    _, run = await _run(store, connection, at=now, holder=Holder("a", 0.0))
    step = StepStarted(run_id=run.run_id, at=NOW, step="draft_sql")
    assert await _written(store, run.run_id, (2, step), epoch=1)
    assert await _take(store, B, connection) == {run.run_id: 2}
    assert not await _written(store, run.run_id, (3, step), epoch=1)
    assert await _written(store, run.run_id, (3, step), epoch=2)
    assert await store.leases.renew(A, [run.run_id]) == []
    assert [lease.epoch for lease in await store.leases.renew(B, [run.run_id])] == [2]
    assert await store.leases.owners() == {"b"}
    assert await _append(store, run.run_id, RunCancelled(run_id=run.run_id, at=NOW), 4)
    assert await store.leases.renew(B, [run.run_id]) == []
    assert await store.leases.owners() == set()


async def test_a_lease_is_lengthened_by_name(store: Store) -> None:
    """What its owner forgot runs out, whatever else that owner drives."""
    connection, now = await _connection(store), datetime.now(UTC)
    _, minded = await _run(store, connection, at=now, holder=Holder("a", 0.0))
    _, forgotten = await _run(store, connection, at=now, holder=Holder("a", 0.0))
    named = [minded.run_id, "run_none"]
    assert [lease.run_id for lease in await store.leases.renew(A, named)] == [minded.run_id]
    assert await store.leases.renew(A, []) == []
    assert await _take(store, A, connection) == {forgotten.run_id: 2}


async def test_a_run_is_taken_from_the_dead_the_late_and_the_leaving(store: Store) -> None:
    connection, elsewhere = await _connection(store), await _connection(store)
    now = datetime.now(UTC)
    _, held = await _run(store, connection, at=now, holder=A)
    _, away = await _run(store, elsewhere, at=now, holder=Holder("late", 0.0))
    assert await _take(store, B, connection) == {}
    assert await _take(store, B, connection, "a") == {held.run_id: 2}
    assert await _take(store, B, connection, "a", "b") == {}
    await store.leases.release("b")
    assert await _take(store, A, connection) == {held.run_id: 3}
    # Its agent is not here: somebody else may have it, for a while.
    overdue = await store.leases.take(B, dead=[], online=[], overdue_seconds=0.0)
    assert [record.run_id for record, _ in overdue] == [away.run_id]


async def test_the_store_tells_how_long_a_run_was_left(store: Store) -> None:
    """By its own clock: when the run began, by somebody else's, does not matter where it had a lease."""
    connection, long_ago = await _connection(store), datetime.now(UTC) - timedelta(hours=1)
    made = {}
    for name, holder in (("held", A), ("late", Holder("a", -100.0)), ("never", None)):
        _, run = await _run(store, connection, at=long_ago, holder=holder)
        made[run.run_id] = name
    taken = await store.leases.take(B, dead=["a"], online=[connection.connection_id], overdue_seconds=3_600.0)
    left = {made[lease.run_id]: lease.left_seconds for _, lease in taken}
    assert left["held"] == 0.0
    assert left["late"] == pytest.approx(100.0, abs=60.0)
    assert left["never"] == pytest.approx(3_600.0, abs=60.0)


async def test_a_lease_by_a_clock_that_was_ahead_keeps_nobody_waiting(store: Store) -> None:
    connection, now = await _connection(store), datetime.now(UTC)
    _, sound = await _run(store, connection, at=now, holder=Holder("a", 5.0 * IMPLAUSIBLE_LEASES - 20))
    _, wrong = await _run(store, connection, at=now, holder=Holder("a", 5.0 * IMPLAUSIBLE_LEASES + 20))
    assert sound.run_id != wrong.run_id
    assert await _take(store, Holder("b", 5.0), connection) == {wrong.run_id: 2}


async def test_of_two_who_take_at_once_one_gets_the_run(store: Store) -> None:
    connection = await _connection(store)
    made = {(await _run(store, connection, at=datetime.now(UTC)))[1].run_id for _ in range(5)}
    taken = await asyncio.gather(*(_take(store, Holder(f"o{n}", 60.0), connection) for n in range(4)))
    assert sorted(run_id for each in taken for run_id in each) == sorted(made)


async def test_word_is_left_for_whoever_drives_the_run(store: Store) -> None:
    connection = await _connection(store)
    _, run = await _run(store, connection, at=datetime.now(UTC), holder=A, detached=True)
    (lease,) = await store.leases.renew(A, [run.run_id])
    assert (lease.stop_reason, lease.listened) == (None, False)
    assert await store.leases.heard(run.run_id, 60.0)
    await store.leases.ask_stop(run.run_id, "Enough.")
    (lease,) = await store.leases.renew(A, [run.run_id])
    assert (lease.stop_reason, lease.listened) == ("Enough.", True)
    await store.leases.heard(run.run_id, -1.0)
    assert [lease.listened for lease in await store.leases.renew(A, [run.run_id])] == [False]
    ((record, lease),) = await store.leases.take(
        B, dead=["a"], online=[connection.connection_id], overdue_seconds=60.0
    )
    assert (record.detached, lease.stop_reason) == (True, "Enough.")
    await _append(store, run.run_id, RunCancelled(run_id=run.run_id, at=NOW), 2)
    assert not await store.leases.heard(run.run_id, 60.0)
    assert not await store.leases.heard("run_none", 60.0)


async def test_replicas_that_start_together_make_the_tables_once(new_database: Callable[[], str]) -> None:
    url = new_database()
    replicas = [PostgresStore(url) for _ in range(3)]
    await asyncio.gather(*(replica.open() for replica in replicas))
    record = await _connection(replicas[0])
    for replica in replicas:
        await replica.check()
        assert await replica.connections.all("local") == [record]
    for replica in replicas:
        await replica.close()
    with pytest.raises(StoreUnavailable):
        await replicas[0].check()


async def test_a_server_that_is_away_is_named_without_its_password(monkeypatch: Any) -> None:
    monkeypatch.setattr("api.store.pool.WAIT_SECONDS", 0.3)
    store = PostgresStore("host=127.0.0.1 port=9 user=custard password=a-secret-word connect_timeout=1")
    with pytest.raises(StoreUnavailable) as error:
        await store.open()
    assert "CUSTARD_DATABASE_URL" in error.value.hint
    assert "a-secret-word" not in f"{error.value}{error.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:50%off-hunter2@h/d",
        "host=h password=my hunter2",
        "postgres:/u:hunter2@h/d",
        "postgresql://u:pa@hunter2@127.0.0.1/d",
    ],
)
def test_no_piece_of_a_url_that_cannot_be_read_is_said(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadSettings, match="CUSTARD_DATABASE_URL") as error:
        PostgresStore(url)
    assert "hunter2" not in f"{error.value}{error.value.hint}{''.join(capfd.readouterr())}"


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "custard.db")
    await first.open()
    record = await _connection(first)
    _, run = await _run(first, record)
    # Not closed: as after a kill.
    second = SqliteStore(tmp_path / "custard.db")
    await second.open()
    assert await second.connections.all("local") == [record]
    loaded = await second.runs.load(run.run_id)
    assert isinstance(loaded, Run)
    await second.close()
    await first.close()
    assert (tmp_path / "custard.db").stat().st_mode & 0o077 == 0


async def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "text"):
        if not path.exists():
            path.write_text("this is no database, and long enough to be told from an empty file" * 20)
        broken = SqliteStore(path)
        with pytest.raises(StoreUnavailable) as error:
            await broken.open()
        assert str(tmp_path) in error.value.hint
        await broken.close()


async def test_a_full_disk_is_an_error_that_passes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "custard.db")
    await store.open()
    pages = await store._writer.do(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await store._writer.do(lambda db: db.execute(f"PRAGMA max_page_count = {pages}"))
    big = ConnectionRecord("conn_1", "local", "x" * 100_000, "", "", NOW)
    with pytest.raises(StoreUnavailable, match="full"):
        await store.connections.add(big)
    assert await store.connections.all("local") == []
    await store.connections.add(big)  # the connection was opened anew, without the limit
    assert await store.connections.all("local") == [big]
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.check()


async def test_what_became_of_an_export_is_known_for_a_while(store: Store) -> None:
    _, run = await _run(store, await _connection(store))
    begun = ExportRecord("exp_1", run.run_id, "rep_1", NOW, '{"state": "running"}')
    await store.exports.note(begun)
    assert await store.exports.get(run.run_id, "exp_1") == begun
    assert await store.exports.get("run_other", "exp_1") is None
    ended = replace(begun, manifest='{"state": "complete"}')
    await store.exports.note(ended)
    assert await store.exports.get(run.run_id, "exp_1") == ended
    later = replace(begun, export_id="exp_2", started_at=NOW + timedelta(seconds=KEPT_MANIFESTS + 1))
    await store.exports.note(later)
    assert await store.exports.get(run.run_id, "exp_1") is None
    # Of a run that was deleted meanwhile nothing is kept, and nothing breaks.
    await store.exports.note(replace(begun, export_id="exp_3", run_id="run_gone"))
    await store.threads.delete("local", run.thread_id)
    assert await store.exports.get(run.run_id, "exp_2") is None
