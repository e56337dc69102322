"""One statement in the sandbox, on real servers, with the gate open: each layer behind it stands alone."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from agent.cursor import Cursor
from agent.database import Database
from agent.execution import Completed, Planned, Request, Sandbox
from agent.stop import Stop
from agent.transaction import begin_read_only
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import Limits

MakeSandbox = Callable[..., Sandbox]


async def test_rows_are_whole_and_counted(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT id, name FROM people ORDER BY id"), sink)
    assert isinstance(outcome, Completed)
    assert (outcome.rows, outcome.truncated) == (100, None)
    assert [column.name for column in sink.names] == ["id", "name"]
    assert [column.type for column in sink.names] == ["integer", "text"]
    assert sink.values[0] == ["1", "Person 1"]
    assert outcome.bytes == sum(map(len, sink.bodies))
    assert outcome.digest == hashlib.sha256(b"".join(sink.bodies)).hexdigest()


async def test_no_rows_still_have_columns(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT id FROM people WHERE false"), sink)
    assert isinstance(outcome, Completed)
    assert outcome.rows == 0
    assert [column.name for column in sink.names] == ["id"]
    assert sink.bodies == []


VALUES = {
    "'NaN'::float8": "NaN",
    "'-Infinity'::float8": "-Infinity",
    "'infinity'::date": "infinity",
    "'-infinity'::timestamptz::text": "-infinity",
    "DATE '0044-03-15 BC'": "0044-03-15 BC",
    "'NaN'::numeric": "NaN",
    "repeat('9', 100)::numeric": "9" * 100,
    "0.1::float8 + 0.2": "0.30000000000000004",
    "9007199254740993::bigint": "9007199254740993",
    "true": "t",
    "NULL::integer": None,
    "''::text": "",
    "ARRAY[1, NULL, 3]": "{1,NULL,3}",
    "ARRAY['a,b', 'c\"d']": '{"a,b","c\\"d"}',
    "'\\xdeadbeef'::bytea": "\\xdeadbeef",
    "int4range(1, 5)": "[1,5)",
    "INTERVAL '1 year 2 days 03:04:05.6'": "1 year 2 days 03:04:05.6",
    """'{"b": 1, "a": [1.10, null]}'::json""": '{"b": 1, "a": [1.10, null]}',
    """'{"b": 1.10}'::jsonb""": '{"b": 1.10}',
    "'10.1.2.3/8'::inet": "10.1.2.3/8",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "ROW(1, 'x', NULL)": "(1,x,)",
    "'happy'::public.mood": "happy",
    "'<a>&amp;</a>'::text": "<a>&amp;</a>",
    "U&'\\+01F600 \\0009 \\000A'": "😀 \t \n",
    "'(1,2)'::point": "(1,2)",
    "B'101'": "101",
    "'fat & rat'::tsquery": "'fat' & 'rat'",
    "1234.5::money": "$1,234.50",
}


async def test_every_type_arrives_as_postgresql_prints_it(make_sandbox: MakeSandbox, sink: Any) -> None:
    selected = ", ".join(expression for expression in VALUES)
    outcome = await make_sandbox().execute(Request(f"SELECT {selected}"), sink)
    assert isinstance(outcome, Completed), outcome
    found = dict(zip(VALUES, sink.values[0], strict=True))
    found["1234.5::money"] = VALUES["1234.5::money"]  # its sign is the server's locale's
    assert found == VALUES


async def test_types_are_named_as_format_type_does(make_sandbox: MakeSandbox, sink: Any) -> None:
    await make_sandbox().execute(
        Request("SELECT pay, mood, born, 1::positive AS d, ARRAY[1.5], 'x'::varchar(7) FROM people LIMIT 1"),
        sink,
    )
    assert [column.type for column in sink.names] == [
        "numeric(12,2)",
        "mood",
        "date",
        "integer",  # PostgreSQL describes a domain's column by the type below
        "numeric[]",
        "character varying(7)",
    ]


async def test_rows_beyond_the_cap_are_cut_and_it_is_said(make_sandbox: MakeSandbox, sink: Any) -> None:
    sandbox = make_sandbox(rows=10)
    outcome = await sandbox.execute(Request("SELECT g FROM generate_series(1, 10000000) AS g"), sink)
    assert isinstance(outcome, Completed)
    assert (outcome.rows, outcome.truncated, len(sink.values)) == (10, "rows", 10)


@pytest.mark.parametrize(("rows", "truncated"), [(9, "rows"), (10, None), (11, None)])
async def test_a_result_of_exactly_the_cap_is_whole(
    make_sandbox: MakeSandbox, sink: Any, rows: int, truncated: str | None
) -> None:
    outcome = await make_sandbox().execute(
        Request("SELECT g FROM generate_series(1, 10) AS g", max_rows=rows), sink
    )
    assert isinstance(outcome, Completed)
    assert (outcome.rows, outcome.truncated) == (min(rows, 10), truncated)


async def test_bytes_beyond_the_cap_are_cut(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox(rows=10**9).execute(
        Request("SELECT g, repeat('x', 100) FROM generate_series(1, 1000000) AS g", max_bytes=300_000), sink
    )
    assert isinstance(outcome, Completed)
    assert outcome.truncated == "bytes"
    assert 250_000 < outcome.bytes <= 300_000
    assert len(sink.values) == outcome.rows


async def test_wide_rows_are_split_over_frames(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(
        Request("SELECT g, repeat('x', 200000) FROM generate_series(1, 20) AS g"), sink
    )
    assert isinstance(outcome, Completed)
    assert outcome.rows == 20
    assert max(map(len, sink.bodies)) < 1024 * 1024


async def test_a_cell_wider_than_a_frame_is_a_limit(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT repeat('x', 10000000)"), sink)
    assert isinstance(outcome, Failed)
    assert outcome.code == "limit"
    assert "left(" in outcome.hint


async def test_many_columns(make_sandbox: MakeSandbox, sink: Any) -> None:
    columns = ", ".join(f"{number} AS c{number}" for number in range(1600))
    outcome = await make_sandbox().execute(Request(f"SELECT {columns}"), sink)
    assert isinstance(outcome, Completed), outcome
    assert len(sink.values[0]) == 1600


async def test_columns_may_share_a_name_or_have_none(make_sandbox: MakeSandbox, sink: Any) -> None:
    await make_sandbox().execute(Request('SELECT 1 AS a, 2 AS a, 3 AS "ü %s {x}"'), sink)
    assert [column.name for column in sink.names] == ["a", "a", "ü %s {x}"]


ESCAPES = [
    "SELECT 1; COMMIT; DROP TABLE people",
    "SELECT 1; SELECT 2",
    "INSERT INTO other.notes VALUES (1, 'x')",
    "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    "SELECT 1 INTO TEMP TABLE t",
    "COPY people TO STDOUT",
    "DO $$ BEGIN END $$",
    "COMMIT",
    "SELECT id FROM people FOR UPDATE",
    "",
    "-- nothing",
]


@pytest.mark.parametrize("sql", ESCAPES)
async def test_the_cursor_takes_one_select_even_from_a_superuser(
    place: Any, make_sink: Any, judges: Any, sql: str
) -> None:
    from wire.policy import Policy

    async with Database(place.owner, size=1) as database:
        sandbox = Sandbox(database, Policy(default="allow"), judges())
        outcome = await sandbox.execute(Request(sql), make_sink())
        assert isinstance(outcome, Failed), outcome
        after = await sandbox.execute(Request("SELECT count(*) FROM people"), heard := make_sink())
        assert isinstance(after, Completed)
        assert heard.values == [["100"]]


async def test_statements_go_by_the_extended_protocol(place: Any, make_sink: Any, judges: Any) -> None:
    """PostgreSQL logs ``execute`` for the extended and ``statement:`` for the simple protocol."""
    from wire.policy import Policy

    if place.major < 15:
        pytest.skip("PostgreSQL lets roles set this parameter from 15 on")
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("ALTER ROLE reader SET client_min_messages = 'log'")
        owner.execute("ALTER ROLE reader SET log_statement = 'none'")
    try:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("GRANT SET ON PARAMETER log_statement TO reader")
        notices: list[str] = []
        async with Database(place.dsn, size=1) as database:
            async with database.transaction("BEGIN READ ONLY") as conn:
                await conn.execute("SELECT 1")
                conn.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            with psycopg.connect(place.owner, autocommit=True) as owner:
                owner.execute("ALTER ROLE reader SET log_statement = 'all'")
            sandbox = Sandbox(
                database,
                Policy(default="allow"),
                judges(),
            )
            async with database.transaction(
                begin_read_only(Limits(), 5) + "; SET LOCAL client_min_messages = 'log'"
                "; SET LOCAL log_statement = 'all'"
            ) as conn:
                conn.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
                async with Cursor(conn, "SELECT 41 + 1", 10) as cursor:
                    assert [group async for group in cursor.groups(Stop())] == [[("42",)]]
            assert sandbox.policy.owner.default == "allow"
        declared = [line for line in notices if "DECLARE" in line]
        assert declared
        assert all(line.startswith("execute <unnamed>: DECLARE") for line in declared)
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("ALTER ROLE reader RESET ALL")


async def test_errors_point_into_the_statement_as_submitted(make_sandbox: MakeSandbox, sink: Any) -> None:
    sql = "SELECT id, nmae FROM people"
    outcome = await make_sandbox(known_names=frozenset({"name", "people", "people.name"})).execute(
        Request(sql), sink
    )
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "42703"
    assert outcome.position == sql.index("nmae") + 1
    assert "nmae" in outcome.message
    assert "people.name" in outcome.hint


async def test_positions_are_found_again_after_a_rewrite(
    make_sandbox: MakeSandbox, sink: Any, judges: Any
) -> None:
    gate = judges(rewrite=lambda sql: "SELECT /* longer */ people.id, people.nmae FROM public.people")
    sql = "SELECT id, nmae FROM people"
    outcome = await make_sandbox(gate=gate).execute(Request(sql), sink)
    assert isinstance(outcome, Failed)
    assert outcome.position is None or sql[outcome.position - 1 :].startswith(("people", "nmae"))


async def test_an_error_never_quotes_a_cell(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT word::integer FROM secrets"), sink)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "22P02"
    assert "canary" not in outcome.model_dump_json()


async def test_a_hint_names_no_hidden_column(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT emial FROM people"), sink)
    assert isinstance(outcome, Failed)
    assert "email" not in outcome.model_dump_json()


async def test_time_is_limited(make_sandbox: MakeSandbox, sink: Any, until_idle: Any) -> None:
    outcome = await make_sandbox(statement_seconds=0.3).execute(Request("SELECT pg_sleep(60)"), sink)
    assert isinstance(outcome, Failed)
    assert outcome.code == "timeout"
    await until_idle()


async def test_time_is_limited_for_a_reader_that_does_not_read(make_sandbox: MakeSandbox, place: Any) -> None:
    class Stuck:
        async def columns(self, columns: Any) -> None: ...

        async def rows(self, body: bytes, row_count: int) -> None:
            await asyncio.Event().wait()

    outcome = await make_sandbox(statement_seconds=0.5).execute(
        Request("SELECT g FROM generate_series(1, 1000000) AS g"), Stuck()
    )
    assert isinstance(outcome, Failed)
    assert outcome.code == "timeout"


async def test_cancel_reaches_postgresql_every_time(
    make_sandbox: MakeSandbox, make_sink: Any, until_sleeping: Any, until_idle: Any
) -> None:
    sandbox = make_sandbox()
    for attempt in range(20):
        stop = Stop()
        task = asyncio.create_task(sandbox.execute(Request("SELECT pg_sleep(60)"), make_sink(), stop))
        await until_sleeping() if attempt % 2 else await asyncio.sleep(0.002 * attempt)
        stop.throw("cancelled")
        outcome = await asyncio.wait_for(task, HANG_SECONDS)
        assert isinstance(outcome, Failed)
        assert outcome.code == "cancelled"
        await until_idle()


async def test_cancel_between_fetches(make_sandbox: MakeSandbox, place: Any) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    class Slow:
        async def columns(self, columns: Any) -> None: ...

        async def rows(self, body: bytes, row_count: int) -> None:
            started.set()
            await release.wait()

    stop = Stop()
    task = asyncio.create_task(
        make_sandbox(rows=10**7).execute(
            Request("SELECT g, repeat('x', 50) FROM generate_series(1, 3000000) AS g"), Slow(), stop
        )
    )
    await started.wait()
    stop.throw("cancelled")
    outcome = await asyncio.wait_for(task, HANG_SECONDS)
    assert isinstance(outcome, Failed)
    assert outcome.code == "cancelled"


async def test_waiting_statements_run_in_order_and_can_be_stopped(
    make_sandbox: MakeSandbox, make_sink: Any
) -> None:
    sandbox = make_sandbox(concurrent=1)
    first_stop, second_stop = Stop(), Stop()
    first = asyncio.create_task(sandbox.execute(Request("SELECT pg_sleep(60)"), make_sink(), first_stop))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(sandbox.execute(Request("SELECT 2"), make_sink(), second_stop))
    third = asyncio.create_task(sandbox.execute(Request("SELECT 3"), make_sink()))
    await asyncio.sleep(0.05)
    second_stop.throw("cancelled")
    assert (await second).code == "cancelled"  # type: ignore[union-attr]
    assert not third.done()
    first_stop.throw("cancelled")
    await first
    assert isinstance(await third, Completed)


async def test_statements_a_minute_are_limited(make_sandbox: MakeSandbox, make_sink: Any) -> None:
    sandbox = make_sandbox(per_minute=2)
    outcomes = [await sandbox.execute(Request("SELECT 1"), make_sink()) for _ in range(3)]
    assert isinstance(outcomes[1], Completed)
    assert isinstance(outcomes[2], Failed)
    assert (outcomes[2].code, outcomes[2].retryable) == ("limit", True)


async def test_the_planners_cost_is_asked_by_the_extended_protocol(database: Database) -> None:
    from agent.sandbox.cost import estimate

    async with database.transaction("BEGIN READ ONLY") as conn:
        assert (await estimate(conn, "SELECT * FROM people")).cost > 0
        with pytest.raises(psycopg.errors.SyntaxError, match="multiple commands"):
            await estimate(conn, "SELECT 1; SELECT 2")


async def test_nothing_stays_in_the_session(make_sandbox: MakeSandbox, make_sink: Any) -> None:
    sandbox = make_sandbox(concurrent=1)
    await sandbox.execute(
        Request("SELECT set_config('custard.trace', 'x', false), pg_advisory_lock(42)"), make_sink()
    )
    heard = make_sink()
    await sandbox.execute(
        Request(
            "SELECT current_setting('custard.trace', true),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())),"
            " current_setting('search_path'), current_setting('transaction_read_only')"
        ),
        heard,
    )
    trace, locks, path, read_only = heard.values[0]
    assert trace in (None, "")
    assert (locks, path, read_only) == ("0", "pg_catalog, public, pg_temp", "on")


async def test_the_run_is_seen_in_pg_stat_activity(make_sandbox: MakeSandbox, sink: Any) -> None:
    await make_sandbox().execute(
        Request("SELECT current_setting('application_name')", run_id="run_1'; DROP TABLE people; --"), sink
    )
    assert sink.values == [["custard-agent/run_1DROPTABLEpeople--"]]


async def test_a_table_dropped_meanwhile(make_sandbox: MakeSandbox, sink: Any) -> None:
    outcome = await make_sandbox().execute(Request("SELECT * FROM dropped_long_ago"), sink)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.sqlstate) == ("database", "42P01")


async def test_explain_shows_shape_and_no_names(make_sandbox: MakeSandbox) -> None:
    plan = await make_sandbox().explain("SELECT name FROM people WHERE email = 'canary'")
    assert isinstance(plan, Planned)
    assert plan.cost > 0
    assert "Scan" in plan.text
    assert "people" not in plan.text
    assert "canary" not in plan.text


async def test_a_database_that_is_away_is_said_so(judges: Any, sink: Any, free_port: int) -> None:
    from wire.policy import Policy

    dsn = f"host=127.0.0.1 port={free_port} user=x password=hush dbname=x connect_timeout=1"
    async with Database(dsn, size=1, checkout_seconds=0.5) as database:
        outcome = await Sandbox(database, Policy(), judges()).execute(Request("SELECT 1"), sink)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.retryable) == ("database_unavailable", True)
    assert "hush" not in outcome.model_dump_json()


async def test_killed_connections_are_replaced(
    make_sandbox: MakeSandbox, make_sink: Any, place: Any, until: Any
) -> None:
    sandbox = make_sandbox()
    assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)
    with psycopg.connect(place.owner, autocommit=True) as owner:
        theirs = "FROM pg_stat_activity WHERE usename = 'reader'"
        owner.execute(f"SELECT pg_terminate_backend(pid) {theirs}")
        # They are told to go, and go when they are next at the processor.
        await until(lambda: owner.execute(f"SELECT count(*) {theirs}").fetchone() == (0,))
    assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)


async def test_a_connection_killed_in_the_middle(
    make_sandbox: MakeSandbox, make_sink: Any, place: Any, until_sleeping: Any
) -> None:
    sandbox = make_sandbox()
    task = asyncio.create_task(sandbox.execute(Request("SELECT pg_sleep(60)"), make_sink()))
    await until_sleeping()
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'FETCH%'"
            " AND usename = 'reader'"
        )
    outcome = await asyncio.wait_for(task, HANG_SECONDS)
    assert isinstance(outcome, Failed)
    assert outcome.retryable
