"""The agent behind PgBouncer: all of its work with transaction pooling; statement pooling refused."""

import asyncio
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import Database
from agent.errors import DatabaseUnavailable
from agent.execution import Completed, Request, Sandbox
from agent.introspect import introspect
from agent.sandbox.verdict import Verdict
from agent.stop import Stop
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack


class _Open:
    """A gate that lets everything through, so that what is behind it stands alone."""

    async def check(self, sql: str) -> Verdict:
        return Verdict(True, sql)


POLICY = Policy.model_validate(
    {"default": "allow", "tables": {"public.secrets": {"allow": False}}, "limits": {"per_minute": 10_000}}
)
SETTINGS = (
    "search_path",
    "statement_timeout",
    "lock_timeout",
    "work_mem",
    "default_transaction_read_only",
    "transaction_read_only",
    "row_security",
    "client_connection_check_interval",
)
CROSS = "public.people a, public.people b, public.people c"


@pytest.fixture
async def sandbox(transaction_pool: Any) -> Any:
    """The real gate and sandbox, through PgBouncer."""
    async with open_sandbox(transaction_pool.dsn(), PolicyStack(owner=POLICY)) as (_, opened):
        yield opened


async def test_rows_of_many_fetches_arrive_whole(sandbox: Sandbox, make_sink: Any) -> None:
    sink = make_sink()
    outcome = await sandbox.execute(Request("SELECT id, name FROM people ORDER BY id"), sink)
    assert isinstance(outcome, Completed), outcome
    assert [row[0] for row in sink.values] == [str(n) for n in range(1, 3001)][: outcome.rows]
    assert outcome.rows > 64


async def test_more_statements_at_once_than_pooled_connections(transaction_pool: Any, make_sink: Any) -> None:
    """Each keeps its own server connection to its end; nobody reads another's cursor."""
    async with Database(transaction_pool.dsn(), size=5) as database:
        sandboxes = [Sandbox(database, POLICY, _Open()) for _ in range(12)]
        sinks = [make_sink() for _ in sandboxes]
        outcomes = await asyncio.gather(
            *(
                sandbox.execute(Request(f"SELECT {n} AS n, id FROM people ORDER BY id LIMIT 500"), sink)
                for n, (sandbox, sink) in enumerate(zip(sandboxes, sinks, strict=True))
            )
        )
    for n, (outcome, sink) in enumerate(zip(outcomes, sinks, strict=True)):
        assert isinstance(outcome, Completed), outcome
        assert {row[0] for row in sink.values} == {str(n)}
        assert len(sink.values) == 500


async def test_the_snapshot_is_read(transaction_pool: Any) -> None:
    async with Database(transaction_pool.dsn(), size=2) as database:
        snapshot = await introspect(database, POLICY)
    assert [table.qualified_name for table in snapshot.tables] == ["public.people"]
    assert snapshot.server_version >= 150_000


async def test_cancel_reaches_postgresql(sandbox: Sandbox, make_sink: Any, seen: Any) -> None:
    for _ in range(3):
        stop = Stop()
        task = asyncio.create_task(
            sandbox.execute(Request(f"SELECT count(*) FROM {CROSS}"), make_sink(), stop)
        )
        await seen(1)
        stop.throw("cancelled")
        outcome = await asyncio.wait_for(task, HANG_SECONDS)
        assert isinstance(outcome, Failed)
        assert outcome.code == "cancelled"
        await seen(0)
    assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)


async def test_the_timeout_is_the_transactions_own(sandbox: Sandbox, make_sink: Any, seen: Any) -> None:
    outcome = await sandbox.execute(
        Request(f"SELECT count(*) FROM {CROSS}", timeout_seconds=0.5), make_sink()
    )
    assert isinstance(outcome, Failed)
    assert outcome.code == "timeout"
    await seen(0)
    assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)


async def test_nothing_is_written_even_with_the_gate_open(transaction_pool: Any, make_sink: Any) -> None:
    """The other role may write; read-only is the transaction's, and holds through the pool."""
    async with Database(transaction_pool.dsn("other", "other"), size=2) as database:
        sandbox = Sandbox(database, POLICY, _Open())
        for sql in (
            "DELETE FROM people",
            "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
            "SELECT 1; COMMIT; DELETE FROM people",
            "COMMIT",
        ):
            outcome = await sandbox.execute(Request(sql), make_sink())
            assert isinstance(outcome, Failed), sql
        sink = make_sink()
        assert isinstance(await sandbox.execute(Request("SELECT count(*) FROM people"), sink), Completed)
        assert sink.values == [["3000"]]


async def test_no_state_passes_between_clients(transaction_pool: Any, make_sink: Any) -> None:
    """Neither what another client has set on a shared connection reaches us, nor what we set reaches it."""
    dsn = transaction_pool.dsn("other", "other")

    def settings(conn: psycopg.Connection[Any]) -> list[Any]:
        return [conn.execute(f"SHOW {name}".encode()).fetchone()[0] for name in SETTINGS]  # type: ignore[index]  # SHOW gives a row

    with psycopg.connect(transaction_pool.owner) as direct:
        untouched = settings(direct)
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as neighbour:
        # What a careless neighbour leaves on every connection of the pool.
        for _ in range(6):
            neighbour.execute("SET statement_timeout = '7h'")
            neighbour.execute("SET search_path = nowhere")
            neighbour.execute("SET work_mem = '77MB'")
            neighbour.execute("SET DateStyle = 'German'")
        async with Database(dsn, size=3) as database:
            sandbox = Sandbox(database, POLICY, _Open())
            for _ in range(6):
                sink = make_sink()
                outcome = await sandbox.execute(
                    Request(
                        "SELECT current_setting('work_mem'), current_setting('search_path'),"
                        " DATE '2020-01-31', current_setting('transaction_read_only'), count(*) FROM people"
                    ),
                    sink,
                )
                assert isinstance(outcome, Completed), outcome
                assert sink.values == [["16MB", "pg_catalog, public, pg_temp", "2020-01-31", "on", "3000"]]
        # And what the neighbour finds after the agent's work is the server's own, or what it set itself.
        own = {"statement_timeout": "7h", "search_path": "nowhere", "work_mem": "77MB"}
        for _ in range(6):
            for name, found, default in zip(SETTINGS, settings(neighbour), untouched, strict=True):
                assert found in (default, own.get(name)), name


async def test_statement_pooling_is_refused_in_words(statement_pool: Any, make_sink: Any) -> None:
    async with Database(statement_pool.dsn(), size=1) as database:
        with pytest.raises(DatabaseUnavailable) as caught:
            async with database.transaction("BEGIN READ ONLY; SET LOCAL statement_timeout = 1000"):
                pass
        assert "pool_mode" in caught.value.hint
        outcome = await Sandbox(database, POLICY, _Open()).execute(Request("SELECT 1"), make_sink())
    assert isinstance(outcome, Failed)
    assert outcome.code == "database_unavailable"
    assert "pool_mode" in outcome.hint
