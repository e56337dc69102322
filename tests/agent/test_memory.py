"""The agent's memory under every attack on resources: a real process, its peak measured by the kernel.

``CUSTARD_WRITE_MEMORY=1 pytest tests/agent/test_memory.py`` sends every statement and writes the table of
``docs/security/memory.md``.
"""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from agent.intake import Intake
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from wire.frames import RowsFrame
from wire.messages import Credit, End, Execute, Export

HOSTILE = Path(__file__).parent / "corpus" / "hostile"
PAGE = Path(__file__).parents[2] / "docs" / "security" / "memory.md"
WHOLE = bool(os.environ.get("CUSTARD_WRITE_MEMORY"))
AGENT_MAY_GROW_MB = 128.0
"""By how much the agent's own peak may exceed its peak after ordinary work."""
CHILD_MAY_HOLD_MB = 400.0
"""Peak of a process that judges; its address space is limited to 1,024 MB."""
HANG_SECONDS = 150.0
ATTACK_SECONDS = 2.0
"""What an attack may take; ordinary work may take as long as a busy machine makes it."""
MB = 1024.0

POLICY = """
version = 1
name = "memory"
default = "allow"
[limits]
statement_seconds = 120
rows = 1000000
bytes = 33554432
concurrent = 4
per_minute = 1000000
"""
SCHEMA = f"""
CREATE TABLE cells AS SELECT g AS id, repeat(md5(g::text), 327680) AS body FROM generate_series(1, 6) g;
CREATE TABLE thick AS SELECT g AS id, repeat(md5(g::text), 6000) AS body FROM generate_series(1, 400) g;
CREATE TABLE thousand AS SELECT g AS n FROM generate_series(1, 1000) g;
CREATE TABLE wide AS SELECT {", ".join(f"{n}::smallint AS c{n}" for n in range(1600))}
FROM generate_series(1, 40);
CREATE ROLE reader LOGIN PASSWORD 'read' NOINHERIT;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
ANALYZE;
"""
TEN_MILLION = "SELECT a.n FROM thousand a, thousand b, thousand c WHERE c.n <= 10"


@dataclass(frozen=True)
class Peak:
    """What an attack took."""

    statements: int
    agent_mb: float
    child_mb: float


def attacks() -> dict[str, list[str]]:
    """Statements by what they attack; a file's are thinned out where not all are wanted."""
    found = {
        name: _of_file(file)
        for name, file in (
            ("corpus: memory", "memory.sql"),
            ("corpus: time", "time-wasting.sql"),
            ("corpus: parser", "parser-stress.sql"),
        )
    }
    chain = ", ".join(f"c{n} AS (SELECT x + 1 AS x FROM c{n - 1})" for n in range(1, 400))
    return found | {
        "a cell of 10 MB": ["SELECT body FROM cells WHERE id = 1", "SELECT * FROM cells"],
        "cells of 190 kB": ["SELECT * FROM thick"],
        "one cell made of all": ["SELECT string_agg(body, '') FROM thick", "SELECT json_agg(t) FROM thick t"],
        "10,000,000 rows": [TEN_MILLION],
        "1,600 columns": ["SELECT * FROM wide", "SELECT * FROM wide a, wide b LIMIT 3"],
        "200 statements at once": [f"SELECT body, {n} FROM thick LIMIT 20" for n in range(200)],
        "40 large results at once": [f"SELECT a.n, b.n, {n} FROM thousand a, thousand b" for n in range(40)],
        "1 MB of statement": ["SELECT '" + "x" * 1_000_000 + "'", "SELECT " + "1, " * 330_000 + "1"],
        "10,000 brackets": ["SELECT " + "(" * 10_000 + "1" + ")" * 10_000],
        "32 kB of operators": ["SELECT " + "1+" * 16_000 + "1", "SELECT " + "NOT " * 7_000 + "true"],
        "50,000 values in a list": ["SELECT 1 WHERE 1 IN (" + ", ".join(["1"] * 50_000) + ")"],
        "400 queries in a chain": [f"WITH c0 AS (SELECT 1 AS x), {chain} SELECT * FROM c399"],
        "200 subqueries in one another": ["SELECT * FROM " + "(SELECT * FROM " * 200 + "wide" + ") a" * 200],
        "1,000,000 errors' worth of text": [f"SELECT 'x{'y' * 30_000}{n}'::integer" for n in range(30)],
    }


def _of_file(name: str) -> list[str]:
    parts = re.split(r"\n[ \t]*\n", (HOSTILE / name).read_text(encoding="utf-8"))
    statements = [part.strip().removeprefix("-- bounded\n") for part in parts if part.strip()]
    return statements if WHOLE else statements[:: max(1, len(statements) // 4)]


@pytest.fixture(scope="module")
def heavy() -> Iterator[EmbeddedPostgres]:
    """A database with large things in it."""
    with temporary_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE heavy")
        with psycopg.connect(server.dsn("heavy")) as conn:
            conn.execute(SCHEMA.encode())
        yield server


class Meter:
    """The kernel's figures for the agent and the processes that judge for it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def reset(self) -> None:
        """Forget the peaks so far."""
        for pid in (self._pid, *self._children()):
            _forget(pid)

    def peak(self) -> tuple[float, float]:
        """The agent's peak, and the highest of its children's, in MB."""
        children = [_status(pid, "VmHWM") for pid in self._children()]
        return _status(self._pid, "VmHWM"), max(children, default=0.0)

    def _children(self) -> list[int]:
        """The processes below the agent: the nursery of its judges, and they."""
        found: list[int] = []
        waiting = [self._pid]
        while waiting:
            pid = waiting.pop()
            try:
                below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                continue
            found += map(int, below)
            waiting += map(int, below)
        return found


def _status(pid: int, name: str) -> float:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / MB if found else 0.0


def _forget(pid: int) -> None:
    """Set the peak to what is held now; a child may have ended meanwhile."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return


@pytest.fixture
async def agent(
    heavy: EmbeddedPostgres, backend: Any, tmp_path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``custard-agent run``, attached to the backend of the tests."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    environment = {
        **os.environ,
        "CUSTARD_AGENT_SERVER": backend.url,
        "CUSTARD_AGENT_TOKEN": "right",
        "CUSTARD_AGENT_DSN": heavy.dsn("heavy", user="reader", password="read"),
        "CUSTARD_AGENT_POLICY": str(policy),
        "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", "run", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    yield child
    if child.returncode is None:
        child.kill()
    await child.wait()


async def send(peer: Any, statements: list[str], seconds: float = HANG_SECONDS) -> list[Any]:
    """Send them all at once, read everything, and return how each ended."""
    waiting = {uuid4().hex: sql for sql in statements}
    ended: list[Any] = []
    for statement_id, sql in waiting.items():
        await peer.tell(
            Execute(statement_id=statement_id, sql=sql, credit_bytes=1024 * 1024, timeout_seconds=seconds)
        )
    async with asyncio.timeout(HANG_SECONDS):
        while waiting:
            message = await peer.heard.get()
            statement_id = getattr(message, "statement_id", None)
            if isinstance(message, RowsFrame) and statement_id in waiting:
                await peer.tell(
                    Credit(
                        statement_id=statement_id, attempt=message.attempt, bytes=max(1, len(message.body))
                    )
                )
            elif statement_id in waiting and message.type in ("end", "failed", "cancelled"):
                del waiting[statement_id]
                ended.append(message)
    return ended


async def export(peer: Any, sql: str) -> Any:
    """The same as a file, by ``COPY``."""
    statement_id = uuid4().hex
    await peer.tell(Export(statement_id=statement_id, sql=sql, credit_bytes=64 * 1024 * 1024))
    _, ended = await peer.result(statement_id)
    return ended


async def ordinary(peer: Any) -> None:
    """What every agent does all day."""
    for _ in range(3):
        ended = await send(
            peer, ["SELECT n FROM thousand", "SELECT id, body FROM thick LIMIT 100", "SELECT 1"]
        )
        assert all(isinstance(message, End) for message in ended), ended


@pytest.mark.timeout(900)
async def test_memory_stays_flat_and_the_next_statement_is_answered(
    agent: asyncio.subprocess.Process, backend: Any
) -> None:
    peer = await backend.peer()
    meter = Meter(agent.pid)
    await ordinary(peer)
    base, base_child = meter.peak()
    peaks: dict[str, Peak] = {}
    for name, statements in attacks().items():
        meter.reset()
        if name.startswith("corpus"):
            for place in range(0, len(statements), 4):
                await send(peer, statements[place : place + 4], ATTACK_SECONDS)
        else:
            await send(peer, statements, ATTACK_SECONDS)
        peaks[name] = Peak(len(statements), *meter.peak())
        [answered] = await send(peer, ["SELECT count(*) FROM thousand"])
        assert isinstance(answered, End), (name, answered)
        assert agent.returncode is None
    meter.reset()
    assert isinstance(await export(peer, "SELECT * FROM thick LIMIT 100"), End)
    failed = await export(peer, "SELECT string_agg(body, '') FROM thick")
    assert failed.failure.code == "limit", failed
    peaks["a cell of 77 MB, exported"] = Peak(2, *meter.peak())
    [failed] = await send(peer, ["SELECT string_agg(body, '') FROM thick"])
    assert failed.failure.code == "limit", failed
    assert failed.failure.hint
    meter.reset()
    slow = uuid4().hex
    await peer.tell(
        Execute(statement_id=slow, sql=TEN_MILLION, credit_bytes=65_536, timeout_seconds=ATTACK_SECONDS)
    )
    _, failed = await peer.result(slow)
    assert failed.type == "failed", "a reader that does not read is timed out"
    peaks["a reader that stops reading"] = Peak(1, *meter.peak())
    meter.reset()
    await ordinary(peer)
    peaks["afterwards, ordinary work"] = Peak(9, *meter.peak())
    report = table(base, base_child, peaks)
    if WHOLE:
        write(report)
    grown = {name: peak.agent_mb - base for name, peak in peaks.items()}
    assert max(grown.values()) <= AGENT_MAY_GROW_MB, report
    assert max(peak.child_mb for peak in peaks.values()) <= CHILD_MAY_HOLD_MB, report


def table(base: float, base_child: float, peaks: dict[str, Peak]) -> str:
    """The figures as Markdown."""
    lines = ["| attack | statements | agent's peak, MB | over ordinary work, MB | judge's peak, MB |"]
    lines += ["|---|--:|--:|--:|--:|", f"| (ordinary work before) | 9 | {base:.0f} | – | {base_child:.0f} |"]
    for name, peak in peaks.items():
        lines.append(
            f"| {name} | {peak.statements} | {peak.agent_mb:.0f} | {peak.agent_mb - base:+.0f} |"
            f" {peak.child_mb:.0f} |"
        )
    return "\n".join(lines)


def write(report: str) -> None:
    """Put the table into its page."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split("<!-- figures -->\n", 1)
    PAGE.write_text(
        head + "<!-- figures -->\n" + report + "\n<!-- end -->" + rest.split("<!-- end -->", 1)[1]
    )


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_what_comes_in_is_counted(family: int) -> None:
    """By the kernel's own count where it keeps one, else by what waits to be read."""
    if family == socket.AF_UNIX:
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _ = server.accept()
    with ours, theirs:
        intake = Intake(ours.fileno())
        for place in range(1, 4):
            theirs.sendall(b"x" * 10_000)
            waiting = 10_000
            counted = intake.look()
            while waiting:
                waiting -= len(ours.recv(waiting))
            assert place * 10_000 in (counted, intake.look())
        intake.close()
        theirs.sendall(b"still open")
        assert ours.recv(10) == b"still open"
