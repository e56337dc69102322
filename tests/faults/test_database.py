"""The customer's database goes away, is short of something, or holds what is hard to carry."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.faults.plant import WIDE_ROWS, Plant, await_
from tests.faults.proxy import Fault

HELD = "How many held rows are there?"


ENDED = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE usename = 'reader'"
"""And gone: whoever asks next is not given a connection that is about to end."""


def _as_owner(plant: Plant, *statements: str) -> None:
    with psycopg.connect(plant.postgres.dsn("work"), autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def test_its_connections_are_ended_in_the_middle(plant: Plant) -> None:
    """As a failover does: the run says so, and the next question is answered without a new agent."""
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        _as_owner(plant, ENDED)
    run = plant.finish(run_id)
    assert run["status"] == "succeeded" or run["problem"]["code"] == "database_unavailable"
    assert plant.rows(plant.ask("How many staff have an id below 91?")) == [[90]]


def test_it_is_away_for_a_moment(plant: Plant) -> None:
    plant.database.refuse()
    run_id = plant.start("How many staff have an id below 12?")
    plant.await_event(run_id, "executing")
    plant.database.accept()
    assert plant.rows(run_id) == [[11]]


def test_a_killed_server_takes_everything_along_and_gives_it_back(plant: Plant) -> None:
    """The store and the customer's data are on it: a question in its middle has one ending all the same."""
    with plant.holding():
        run_id = plant.start(HELD)
        plant.await_statement()
        plant.kill_postgres()
    plant.postgres.revive()
    run = plant.finish(run_id)
    assert run["status"] == "succeeded" or run["problem"]["code"] in (
        "database_unavailable",
        "store_unavailable",
    )


@contextmanager
def _reader_with(plant: Plant, setting: str, value: str) -> Iterator[None]:
    """Connections of the agent's role have it, from the next one on."""
    _as_owner(plant, f"ALTER ROLE reader SET {setting} = '{value}'", ENDED)
    try:
        yield
    finally:
        _as_owner(plant, f"ALTER ROLE reader RESET {setting}", ENDED)


def _once_more(plant: Plant, run_id: str) -> list[object]:
    """The first row of a run whose statement was sent twice, and written once."""
    run = plant.finish(run_id)
    assert run["status"] == "succeeded", run["problem"]
    assert len(plant.ledger.told[run_id]) == 2
    assert len(run["attempts"]) == 1
    row: list[object] = run["answer"]["rows"][0]
    return row


def test_a_deadlock_that_the_statement_is_the_victim_of(plant: Plant) -> None:
    """PostgreSQL rolls it back, and it runs once more when whoever was in the way has gone."""
    sql = "SELECT (SELECT count(*) FROM staff) AS s, (SELECT count(*) FROM held) AS h"
    plant.model.answers.says("both at once", sql)
    # The reader looks for a deadlock before the owner does, and after the owner is there.
    with (
        _reader_with(plant, "deadlock_timeout", "10s"),
        psycopg.connect(plant.postgres.dsn("work")) as owner,
    ):
        owner.execute("SET deadlock_timeout = '60s'")
        owner.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        run_id = plant.start("How many staff of both at once?")
        await_(lambda: plant.waiting() > 0, "the statement to wait for the lock")
        owner.execute("LOCK TABLE staff IN ACCESS EXCLUSIVE MODE")
        owner.rollback()
        assert _once_more(plant, run_id) == [1000, 3]
    assert "deadlock detected" in plant.postgres_log()


def test_a_serialization_failure(plant: Plant) -> None:
    """A role that reads serializably: it sees the day closed, and not what was still booked on it."""
    _as_owner(
        plant,
        "CREATE TABLE days (open integer); CREATE TABLE bookings (day integer, amount integer)",
        "INSERT INTO days VALUES (1); GRANT SELECT ON days, bookings TO reader",
    )
    with plant.client(direct=True) as backend:
        backend.post(f"/api/v1/{plant.connection_id}/refresh-schema")
    sql = "SELECT d.open, (SELECT count(*) FROM bookings) AS n, (SELECT count(*) FROM held) AS h FROM days d"
    plant.model.answers.says("booked on the open day", sql)
    dsn = plant.postgres.dsn("work")
    with _reader_with(plant, "default_transaction_isolation", "serializable"), psycopg.connect(dsn) as clerk:
        clerk.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        (day,) = clerk.execute("SELECT open FROM days").fetchone() or (0,)
        with psycopg.connect(dsn) as manager:
            manager.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            manager.execute("UPDATE days SET open = 2")
        with plant.holding():
            run_id = plant.start("What is booked on the open day?")
            await_(lambda: plant.waiting() > 0, "the statement to have its snapshot")
            clerk.execute("INSERT INTO bookings VALUES (%s, 100)", [day])
            clerk.commit()
        assert _once_more(plant, run_id) == [2, 1, 3]
    _as_owner(plant, "DROP TABLE days, bookings")
    assert "could not serialize access" in plant.postgres_log()


def test_it_takes_no_more_connections(plant: Plant) -> None:
    _as_owner(
        plant,
        "ALTER ROLE reader CONNECTION LIMIT 0",
        ENDED,
    )
    try:
        run = plant.ask("How many staff have an id below 13?")
    finally:
        _as_owner(plant, "ALTER ROLE reader CONNECTION LIMIT -1")
    assert (run["status"], run["problem"]["code"]) == ("failed", "database_unavailable")
    assert "too many connections" in run["problem"]["message"]
    assert plant.rows(plant.ask("How many staff have an id below 13?")) == [[12]]


def test_a_line_to_it_that_breaks_in_the_middle_of_a_result(plant: Plant) -> None:
    with plant.database.fault(down=Fault(limit_data=1_000_000)):
        run = plant.ask("All the wide bodies, if you can")
    assert run["status"] == "failed" or run["answer"]["row_count"] == WIDE_ROWS


@pytest.mark.parametrize(
    "fault", [Fault(latency=0.02, jitter=0.02), Fault(slicer=700), Fault(bandwidth=8_000_000)]
)
def test_a_poor_line_to_it_is_only_slow(plant: Plant, fault: Fault) -> None:
    with plant.database.fault(up=Fault(latency=fault.latency), down=fault):
        assert plant.rows(plant.ask("How many staff have an id below 14?")) == [[13]]


def test_a_table_dropped_after_the_snapshot(plant: Plant) -> None:
    _as_owner(plant, "CREATE TABLE fleeting (id integer)", "GRANT SELECT ON fleeting TO reader")
    with plant.client(direct=True) as backend:
        backend.post(f"/api/v1/{plant.connection_id}/refresh-schema")
    plant.model.answers.says("fleeting", "SELECT count(*) FROM fleeting")
    assert plant.ask("How many fleeting are there?")["status"] == "succeeded"
    _as_owner(plant, "DROP TABLE fleeting")
    run = plant.ask("How many fleeting are there?")
    assert run["status"] in ("failed", "refused")
    assert (run["problem"] or run["refusal"])["hint"]

    def forgotten() -> bool:
        with plant.client(direct=True) as backend:
            schema = backend.get(f"/api/v1/connections/{plant.connection_id}/schema")
        return all(table["name"] != "fleeting" for table in schema["tables"])

    await_(forgotten, "the snapshot to forget it")


VALUES = {
    "many columns": ("SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1600)), None),
    "every wide body at once": ("SELECT string_agg(body, body) AS cell FROM wide", None),
    "not a number": (
        "SELECT 'NaN'::float8 AS a, '-Infinity'::float8 AS b, 'NaN'::numeric AS c",
        ["NaN", "-Infinity", "NaN"],
    ),
    "endless dates": ("SELECT 'infinity'::date AS a, '-infinity'::timestamp AS b", ["infinity", "-infinity"]),
    "before Christ": (
        "SELECT '4713-01-01 BC'::date AS a, '0044-03-15 12:00 BC'::timestamp AS b",
        ["4713-01-01 BC", "0044-03-15 12:00:00 BC"],
    ),
    "a hundred digits": ("SELECT ('1' || repeat('0', 98) || '1')::numeric / 1 AS a", ["1" + "0" * 98 + "1"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_hard_to_carry_arrives_exactly_or_is_refused_by_name(plant: Plant, name: str) -> None:
    sql, cells = VALUES[name]
    plant.model.answers.says(f"exactly: {name}", sql)
    run = plant.ask(f"Of the staff, show me exactly: {name}")
    if run["status"] == "succeeded":
        row = run["answer"]["rows"][0] if run["answer"]["rows"] else []
        assert cells is None or [str(cell) for cell in row] == cells, row
    else:
        assert cells is None, run["problem"]
        assert run["attempts"][-1]["outcome"]["code"] == "limit", run
        assert (run["problem"] or run["refusal"])["hint"]


def test_text_that_is_no_text(plant: Plant) -> None:
    """SQL_ASCII takes any byte; what cannot be read as UTF-8 is a typed error, never a changed value."""
    plant.model.answers.says("unreadable", "SELECT convert_from('\\xff'::bytea, 'UTF8') AS cell")
    run = plant.ask("Show me the unreadable bytes")
    assert run["status"] in ("failed", "refused")
    assert (run["problem"] or run["refusal"])["hint"]
