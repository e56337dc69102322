"""Whole results for files, on real servers: exact, bounded, stoppable, and held to all that questions are."""

import asyncio
import csv
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from agent.database import Database
from agent.execution import Completed, Request, Sandbox
from agent.exporting import csv_line, text_line
from agent.stop import Stop
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import ConstantMask, Exports, Limits, Policy, Share

MakeExporter = Callable[..., Sandbox]

AWKWARD = """
SELECT * FROM (VALUES
    (1, 'plain', '2024-02-29'::date, NULL, ARRAY[1, NULL]),
    (2, '', 'infinity', '\\x00ff'::bytea, '{}'),
    (3, E'two\\nlines\\r\\n, "quoted"\\ttab \\\\ backslash', '0044-03-15 BC', ''::bytea, NULL),
    (4, '\\.', NULL, NULL, NULL),
    (5, E'\\u0001 \\u00fc \\U0001F600 NULL \\\\N', '-infinity', '\\xde', ARRAY[-1])
) AS t (id, note, day, raw, list) ORDER BY id
"""


@dataclass
class Taken:
    """A sink that keeps bodies and counts."""

    names: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    each: Callable[[], Awaitable[None]] | None = None

    async def columns(self, columns: Any) -> None:
        self.names = [column.name for column in columns]

    async def rows(self, body: bytes, row_count: int) -> None:
        self.bodies.append(body)
        self.counts.append(row_count)
        if self.each is not None:
            await self.each()

    @property
    def whole(self) -> bytes:
        return b"".join(self.bodies)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def make_exporter(database: Database, judges: Any) -> MakeExporter:
    def make(
        gate: Any = None, exports: Exports | None = None, share: Share | None = None, **limits: Any
    ) -> Any:
        policy = Policy(
            default="allow",
            limits=Limits(**limits),
            exports=exports or Exports(rows=10**9, bytes=10**12, seconds=60),
            share=share or Share(),
        )
        return Sandbox(database, policy, gate or judges())

    return make


async def _copied(conn: psycopg.AsyncConnection[Any], format: str) -> bytes:
    async with conn.cursor().copy(f"COPY ({AWKWARD}) TO STDOUT (FORMAT {format})".encode()) as copy:
        return b"".join([bytes(part) async for part in copy])


async def test_what_leaves_is_what_copy_writes(make_exporter: MakeExporter, place: Any, taken: Taken) -> None:
    for format in ("csv", "text"):
        taken.bodies.clear()
        outcome = await make_exporter().export(Request(AWKWARD), format, taken)  # type: ignore[arg-type]
        assert isinstance(outcome, Completed), outcome
        async with await psycopg.AsyncConnection.connect(place.dsn) as conn:
            expected = await _copied(conn, format)
        assert taken.whole == expected
        assert (outcome.rows, outcome.bytes, outcome.truncated) == (5, len(expected), None)
        assert outcome.digest == hashlib.sha256(expected).hexdigest()
    assert taken.names == ["id", "note", "day", "raw", "list"]


async def test_rows_that_are_looked_at_leave_in_the_same_bytes(
    make_exporter: MakeExporter, place: Any
) -> None:
    """Where a mask is checked, each row is written by us; it must not be told apart from COPY's."""
    for format, write in (("csv", csv_line), ("text", text_line)):
        async with await psycopg.AsyncConnection.connect(place.dsn) as conn:
            expected = await _copied(conn, format)
            conn.adapters.register_loader("text", psycopg.types.string.TextLoader)
            texts = await conn.execute(
                f"SELECT id::text, note, day::text, raw::text, list::text FROM ({AWKWARD.strip()}) AS x"
            )
            assert b"".join([write(row) for row in await texts.fetchall()]) == expected


async def test_a_masked_column_is_checked_on_its_way_out(
    make_exporter: MakeExporter, judges: Any, taken: Taken
) -> None:
    @dataclass
    class Masked:
        sql: str
        allowed: bool = True
        layer: None = None
        code: None = None
        reason: str = ""
        hint: str = ""
        masks: Any = (("id", ()), ("name", (ConstantMask(value="hidden"),)))
        guard: str = ""

    class Forgetful(judges):  # type: ignore[misc]
        async def check(self, sql: str) -> Any:
            return Masked(sql)

    leaky = await make_exporter(Forgetful()).export(Request("SELECT id, name FROM people"), "csv", taken)
    assert isinstance(leaky, Failed)
    assert (leaky.code, leaky.layer) == ("policy", "output")
    assert taken.bodies == []
    sql = "SELECT id, 'hidden' AS name FROM people ORDER BY id"
    right = await make_exporter(Forgetful()).export(Request(sql), "csv", taken)
    assert isinstance(right, Completed)
    assert taken.whole.startswith(b"1,hidden\n2,hidden\n")
    assert right.rows == 100


async def test_many_rows_are_whole_and_in_order(make_exporter: MakeExporter, taken: Taken) -> None:
    sql = "SELECT g, md5(g::text) FROM generate_series(1, 200000) AS g -- and a comment"
    outcome = await make_exporter().export(Request(sql), "csv", taken)
    assert isinstance(outcome, Completed)
    assert outcome.rows == sum(taken.counts) == 200_000
    lines = taken.whole.split(b"\n")
    assert (lines[0][:2], lines[199_999][:7], lines[200_000]) == (b"1,", b"200000,", b"")
    assert max(map(len, taken.bodies)) < 256 * 1024


@pytest.mark.parametrize("format", ["csv", "text"])
async def test_a_row_wider_than_a_frame_comes_in_pieces(
    make_exporter: MakeExporter, taken: Taken, format: Any
) -> None:
    sql = "SELECT 1, repeat('ü', 5000000) UNION ALL SELECT 2, 'short' ORDER BY 1"
    outcome = await make_exporter().export(Request(sql), format, taken)
    assert isinstance(outcome, Completed), outcome
    assert outcome.rows == 2
    assert max(map(len, taken.bodies)) < 1024 * 1024
    assert taken.counts[0] == 0
    assert taken.whole == ("1\t" if format == "text" else "1,").encode() + "ü".encode() * 5_000_000 + (
        b"\n2\tshort\n" if format == "text" else b"\n2,short\n"
    )


@pytest.mark.parametrize("looks", [True, False])
async def test_a_row_too_wide_for_the_agent_is_said_so_however_quickly_it_comes(
    make_exporter: MakeExporter, taken: Taken, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    """Nobody can look while libpq reads, and it may read the whole row at once."""
    monkeypatch.setattr("agent.intake.Intake.look", lambda intake: 0)
    if looks:
        counts = iter([0, 2**40])
        monkeypatch.setattr("agent.intake.Intake.look", lambda intake: next(counts, 2**40))
    sql = "SELECT 'short' UNION ALL SELECT repeat('x', 34000000) ORDER BY 1"
    outcome = await make_exporter().export(Request(sql), "csv", taken)
    assert isinstance(outcome, Failed), outcome
    assert outcome.code == "limit"
    assert "32 MB" in outcome.message
    assert taken.whole in (b"", b"short\n")


async def test_sixteen_hundred_columns_and_none(make_exporter: MakeExporter, taken: Taken) -> None:
    columns = ", ".join(f"{number} AS c{number}" for number in range(1600))
    outcome = await make_exporter().export(Request(f"SELECT {columns}"), "csv", taken)
    assert isinstance(outcome, Completed), outcome
    assert next(csv.reader(io.StringIO(taken.whole.decode()))) == [str(number) for number in range(1600)]
    taken.bodies.clear()
    nothing = await make_exporter().export(Request("SELECT FROM generate_series(1, 3)"), "text", taken)
    assert isinstance(nothing, Completed)
    assert (nothing.rows, taken.whole, taken.names) == (3, b"\n\n\n", [])


@pytest.mark.parametrize(("rows", "truncated"), [(9, "rows"), (10, None)])
async def test_an_export_is_cut_where_the_owner_says(
    make_exporter: MakeExporter, taken: Taken, rows: int, truncated: str | None
) -> None:
    exporter = make_exporter(exports=Exports(rows=rows))
    outcome = await exporter.export(Request("SELECT g FROM generate_series(1, 10) AS g"), "csv", taken)
    assert isinstance(outcome, Completed)
    assert (outcome.rows, outcome.truncated) == (rows, truncated)
    assert taken.whole.count(b"\n") == rows


async def test_bytes_are_bounded_at_the_end_of_a_row(
    make_exporter: MakeExporter, taken: Taken, until_idle: Any
) -> None:
    exporter = make_exporter(exports=Exports(rows=10**9, bytes=1_000_000))
    sql = "SELECT generate_series(1, 100000000), repeat('x', 1000)"
    outcome = await exporter.export(Request(sql), "csv", taken)
    assert isinstance(outcome, Completed)
    assert outcome.truncated == "bytes"
    assert 990_000 < outcome.bytes <= 1_000_000
    assert taken.whole.endswith(b"x\n")
    await until_idle()


async def test_what_cannot_come_whole_is_not_begun(make_exporter: MakeExporter, taken: Taken) -> None:
    exporter = make_exporter(exports=Exports(rows=100))
    outcome = await exporter.export(Request("SELECT 1", more_than=100), "csv", taken)
    assert isinstance(outcome, Failed)
    assert (outcome.code, taken.bodies) == ("limit", [])
    assert "exports.rows" in outcome.hint


async def test_without_a_word_on_exports_the_limits_of_results_hold(
    make_exporter: MakeExporter, taken: Taken
) -> None:
    outcome = await make_exporter(exports=Exports(), rows=7).export(
        Request("SELECT g FROM generate_series(1, 10) AS g"), "csv", taken
    )
    assert isinstance(outcome, Completed)
    assert (outcome.rows, outcome.truncated) == (7, "rows")


async def test_who_shares_no_rows_exports_none(make_exporter: MakeExporter, taken: Taken) -> None:
    outcome = await make_exporter(share=Share(screen="samples")).export(Request("SELECT 1"), "csv", taken)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.layer) == ("policy", "share")
    assert taken.bodies == []


ESCAPES = [
    "SELECT 1) TO PROGRAM 'touch /tmp/custard-export-escape' --",
    "SELECT 1) TO '/tmp/custard-export-escape' --",
    "SELECT 1\n) TO STDOUT; DROP TABLE people; COPY (SELECT 1",
    "SELECT 1; DROP TABLE people",
    "INSERT INTO other.notes VALUES (1, 'x') RETURNING id",
    "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    "UPDATE people SET name = 'x' RETURNING id",
    "SELECT id FROM people FOR UPDATE",
    "SELECT 1 /* open",
    "SELECT $$ open",
    "COPY people TO STDOUT",
    "",
]


@pytest.mark.parametrize("sql", ESCAPES)
async def test_brackets_are_no_way_out_even_for_a_superuser(
    place: Any, judges: Any, taken: Taken, sql: str
) -> None:
    """The gate is open here: the cursor that is declared first and the read-only transaction stand alone."""
    from pathlib import Path

    async with Database(place.owner, size=1) as database:
        sandbox = Sandbox(database, Policy(default="allow"), judges())
        outcome = await sandbox.export(Request(sql), "csv", taken)
        assert isinstance(outcome, Failed), outcome
        after = await sandbox.export(Request("SELECT count(*) FROM people"), "csv", taken)
        assert isinstance(after, Completed)
        assert taken.whole == b"100\n"
    assert not Path("/tmp/custard-export-escape").exists()


async def test_the_database_has_let_go_when_an_export_is_stopped(
    make_exporter: MakeExporter, until_idle: Any
) -> None:
    exporter = make_exporter(concurrent=2)
    for attempt in range(5):
        stop = Stop()
        got = asyncio.Event()

        async def stuck(got: asyncio.Event = got) -> None:
            got.set()
            await asyncio.Event().wait()

        taken = Taken(each=stuck if attempt % 2 else None)
        sql = "SELECT generate_series(1, 100000000), repeat('x', 100)"
        task = asyncio.create_task(exporter.export(Request(sql), "csv", taken, stop))
        await (got.wait() if attempt % 2 else asyncio.sleep(0.02 * attempt))
        stop.throw("cancelled")
        outcome = await asyncio.wait_for(task, HANG_SECONDS)
        assert isinstance(outcome, Failed)
        assert outcome.code == "cancelled"
        # Too busy to heed the request, PostgreSQL lost the line instead, and finds out with its next look.
        await until_idle()


async def test_a_reader_that_does_not_read_is_bounded_in_time(
    make_exporter: MakeExporter, until_idle: Any
) -> None:
    taken = Taken(each=asyncio.Event().wait)  # type: ignore[arg-type]
    exporter = make_exporter(exports=Exports(rows=10**9, seconds=0.5))
    outcome = await exporter.export(
        Request("SELECT generate_series(1, 100000000), repeat('x', 100)"), "csv", taken
    )
    assert isinstance(outcome, Failed)
    assert outcome.code == "timeout"
    await until_idle()


async def test_an_error_in_the_middle_is_an_error(make_exporter: MakeExporter, taken: Taken) -> None:
    sql = "SELECT 1 / (50000 - g) FROM generate_series(1, 100000) AS g"
    outcome = await make_exporter().export(Request(sql), "csv", taken)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.sqlstate) == ("database", "22012")
    again = await make_exporter().export(Request("SELECT 1"), "csv", Taken())
    assert isinstance(again, Completed)


async def test_exports_leave_a_slot_to_questions(
    make_exporter: MakeExporter, make_sink: Any, until_sleeping: Any
) -> None:
    exporter = make_exporter(concurrent=2)
    stop = Stop()
    first = asyncio.create_task(exporter.export(Request("SELECT pg_sleep(60)"), "csv", Taken(), stop))
    await until_sleeping()
    second = await exporter.export(Request("SELECT 1"), "csv", Taken())
    assert isinstance(second, Failed)
    assert (second.code, second.retryable) == ("limit", True)
    assert isinstance(await exporter.execute(Request("SELECT 1"), make_sink()), Completed)
    stop.throw("cancelled")
    await first
