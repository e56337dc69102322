"""The customer's database is read from a hot standby: what recovery refuses, what it ends, and failovers."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.plant import WIDE_ROWS, await_
from tests.faults.proxy import Fault, Loop
from tests.faults.standby import Standing, Streaming

HELD = "How many held rows are there?"
FIRST = "How many staff have an id below 11?"
BOTH = "SELECT (SELECT count(*) FROM staff) AS s, (SELECT count(*) FROM held) AS h"
"""Has the lock of ``staff`` while it waits for that of ``held``."""


@pytest.fixture(scope="module")
def standing(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with (
        Streaming() as streaming,
        Standing(streaming, loop, tmp_path_factory.mktemp("store")) as plant,
    ):
        plant.teach()
        plant.model.answers.says("both at once", BOTH)
        assert plant.rows(plant.ask(FIRST)) == [[10]]
        yield plant


@pytest.fixture
def plant(standing: Standing) -> Iterator[Standing]:
    """Read from the standby before and after, and every invariant is checked."""
    agent = standing.child("agent").process
    yield standing
    standing.mend()
    assert standing.rows(standing.ask(FIRST)) == [[10]]
    assert _reads_from_standby(standing)
    assert standing.child("agent").process is agent, "it needed a new agent"
    standing.check()


def _reads_from_standby(plant: Standing) -> bool:
    standby = plant.streaming.standby
    return standby is not None and plant.sessions(standby) > 0 and plant.sessions(plant.postgres) == 0


def test_questions_are_answered_and_stopped_and_schemas_read(plant: Standing) -> None:
    assert plant.rows(plant.ask("How many staff have an id below 12?")) == [[11]]
    assert _reads_from_standby(plant)
    known = plant.tables()
    plant.write("CREATE TABLE added (id integer)", "GRANT SELECT ON added TO reader")
    plant.streaming.replay()
    assert plant.tables() == known + 1
    with plant.holding():
        run_id = plant.start(HELD)
        await_(lambda: plant.waiting() > 0, "the statement to wait for the lock")
        plant.stop_run(run_id)
        assert plant.finish(run_id)["status"] == "cancelled"
        await_(lambda: plant.busy() == 0, "the statement to be gone")


def test_it_is_promoted_in_the_midst_of_a_statement(plant: Standing) -> None:
    """The statement reads on; and the next one finds the new primary behind a machine that says nothing."""
    dead = plant.streaming.ports[0]
    if plant.postgres.port != dead:
        plant.fail_over()
        plant.streaming.attach()
    # A standby refuses to read an unlogged table, so nobody is to write a query for it.
    known = plant.tables()
    plant.write("CREATE UNLOGGED TABLE cached (id integer)", "GRANT SELECT ON cached TO reader")
    plant.streaming.replay()
    assert plant.tables() == known
    with plant.holding():
        run_id = plant.start(HELD)
        await_(lambda: plant.waiting() > 0, "the statement to wait for the lock")
        plant.fail_over()
    assert plant.rows(run_id) == [[3]]
    assert len(plant.ledger.told[run_id]) == 1
    assert plant.tables() == known + 1
    with _silent(dead):
        plant.end_sessions(plant.postgres)
        asked = time.monotonic()
        assert plant.rows(plant.ask("How many staff have an id below 16?")) == [[15]]
        print("ANSWERED PAST A SILENT HOST AFTER", time.monotonic() - asked)


@contextmanager
def _silent(port: int) -> Iterator[None]:
    """A machine that died refuses no connection, and takes none either."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


def test_a_role_that_reads_serializably(plant: Standing) -> None:
    """No standby lets it; it reads as strictly as one can."""
    plant.write("ALTER ROLE reader SET default_transaction_isolation = 'serializable'")
    plant.streaming.replay()
    for server in plant.servers:
        plant.end_sessions(server)
    try:
        assert plant.rows(plant.ask("How many staff have an id below 13?")) == [[12]]
        assert plant.tables() > 0
    finally:
        plant.write("ALTER ROLE reader RESET default_transaction_isolation")
        plant.streaming.replay()
        for server in plant.servers:
            plant.end_sessions(server)


@pytest.mark.parametrize("times", [1, 2])
def test_recovery_ends_a_statement_that_is_in_its_way(plant: Standing, times: int) -> None:
    """It is sent once more, under a number of its own; after a second time the run ends by name."""
    before = plant.conflicts("canceling statement")
    with plant.holding():
        run_id = plant.start("How many staff of both at once?")
        for sent in range(1, times + 1):
            _await_sent(plant, run_id, sent)
            await_(lambda: plant.waiting() > 0, "it to wait for the lock")
            plant.write("ALTER TABLE staff ALTER title SET DEFAULT 'Clerk'")
            _await_conflicts(plant, "canceling statement", before + sent)
    run = plant.finish(run_id)
    assert len(run["attempts"]) == 1
    assert len(plant.ledger.told[run_id]) == 2
    if times == 1:
        assert run["answer"]["rows"] == [[1000, 3]]
    else:
        assert run["problem"]["code"] == "database"
        assert run["attempts"][0]["outcome"]["sqlstate"] in ("40001", "40P01")


def _await_sent(plant: Standing, run_id: str, times: int) -> None:
    await_(lambda: len(plant.ledger.told.get(run_id, ())) == times, "the statement to be sent")


def _await_conflicts(plant: Standing, what: str, times: int) -> None:
    await_(lambda: plant.conflicts(what) == times, "recovery to end it")


def test_recovery_ends_a_session_between_two_fetches(plant: Standing) -> None:
    """All of the session goes, and its last words wait for whoever reads next: they are not missed."""
    before = plant.conflicts("terminating connection")
    plant.write("CREATE TABLE gone AS SELECT generate_series(1, 1000) AS id")
    plant.streaming.replay()
    with plant.wire.fault(up=Fault(bandwidth=1_500_000)):
        run_id = plant.start("All the wide bodies")
        await_(lambda: plant.between_fetches() > 0, "it to wait for credit")
        plant.write("DELETE FROM gone", "VACUUM gone")
        _await_conflicts(plant, "terminating connection", before + 1)
    run = plant.finish(run_id)
    assert run["status"] == "succeeded", run["problem"]
    assert run["attempts"][0]["outcome"]["row_count"] == WIDE_ROWS
    assert len(plant.ledger.told[run_id]) == 2


def test_both_are_killed_one_after_the_other(plant: Standing) -> None:
    """What runs there ends in words, and the other answers the next question without a new agent."""
    _killed(plant, plant.kill_standby)
    plant.streaming.attach()  # the agent stays at the primary
    _killed(plant, plant.fail_over)


def _killed(plant: Standing, kill: Callable[[], None]) -> None:
    with plant.holding():
        run_id = plant.start(HELD)
        await_(lambda: plant.waiting() > 0, "the statement to wait for the lock")
        kill()
    run = plant.finish(run_id)
    assert run["problem"]["code"] == "database_unavailable"
    assert run["attempts"][0]["outcome"]["retryable"]
    asked = time.monotonic()
    assert plant.rows(plant.ask("How many staff have an id below 15?")) == [[14]]
    print("ANSWERED AFTER", time.monotonic() - asked)
