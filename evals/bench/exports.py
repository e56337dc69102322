"""Whole results: how fast they come beside psycopg's own ``COPY``, and what the chain holds meanwhile."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal

import httpx2
import psycopg

from evals.bench.chain import Chain
from evals.bench.figure import Figure, paired
from evals.bench.processes import resident_mb

ROWS = 1_000_000
"""Of the speed figures; memory is measured with ten times as many."""
_WIDE = (
    "SELECT g AS id, 'item ' || g AS name, (g * 7 % 1000)::numeric(10,2) AS amount,"
    " TIMESTAMP '2024-01-01' + g * INTERVAL '1 second' AS at, g % 5 = 0 AS flag, md5(g::text) AS code"
)
AGENT_MB, BACKEND_MB = 16, 8
"""The goals: what a process may hold more while a result goes through it, whatever its size."""
Reader = Literal["fast", "slow", "stuck"]
SLOW_BYTES_PER_SECOND = 2 * 1024 * 1024
"""What the slow reader takes."""


def prepare(dsn: str, rows: int = ROWS) -> None:
    """Make the table that is exported."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS bench")
        conn.execute(f"CREATE TABLE bench.exported AS {_WIDE} FROM generate_series(1, {rows}) AS g".encode())
        conn.execute("ANALYZE bench.exported")


SQL = "SELECT id, name, amount, at, flag, code FROM bench.exported"


def export_figures(chain: Chain, dsn: str, *, rounds: int, rows: int = ROWS) -> list[Figure]:
    """A whole file through the chain against psycopg's ``COPY``, both on connections that are open."""
    path = chain.ask(SQL)
    with (
        httpx2.Client(base_url=chain.url, timeout=600, trust_env=False) as http,
        psycopg.connect(dsn, autocommit=True) as conn,
    ):

        def fetched(form: str) -> int:
            with http.stream("GET", f"{path}/result?source=live&format={form}") as answer:
                answer.raise_for_status()
                return sum(map(len, answer.iter_raw()))

        def copied(form: str) -> int:
            with conn.cursor().copy(f"COPY ({SQL}) TO STDOUT (FORMAT {form})".encode()) as copy:
                return sum(map(len, copy))

        base = f"{rows:,} rows by psycopg's COPY"
        return [
            paired(
                "export_csv",
                f"a CSV export : {base}",
                lambda: fetched("csv"),
                lambda: copied("csv"),
                rounds=rounds,
                goal=1 / 0.85,
            ),
            paired(
                "export_arrow",
                f"an Arrow export : {base}, binary",
                lambda: fetched("arrow"),
                lambda: copied("binary"),
                rounds=rounds,
                goal=1 / 0.6,
            ),
            paired(
                "export_parquet",
                f"a Parquet export : {base}",
                lambda: fetched("parquet"),
                lambda: copied("csv"),
                rounds=rounds,
            ),
        ]


@dataclass
class Curve:
    """Memory of a chain's processes while something happens."""

    reader: Reader
    seconds: float = 0.0
    bytes: int = 0
    agent_mb: list[float] = field(default_factory=list)
    backend_mb: list[float] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """For the report: where it began, where it rose to, and its course in twenty steps."""
        step = max(1, len(self.agent_mb) // 20)
        return {
            "reader": self.reader,
            "seconds": round(self.seconds, 1),
            "megabytes": round(self.bytes / 1e6, 1),
            "agent_mb": _course(self.agent_mb, AGENT_MB),
            "backend_mb": _course(self.backend_mb, BACKEND_MB),
            "agent_course": self.agent_mb[::step],
            "backend_course": self.backend_mb[::step],
        }


def _course(held: list[float], goal: int) -> dict[str, float]:
    most = max(held)
    return {
        "before": held[0],
        "most": most,
        "end": held[-1],
        "grown": round(most - held[0], 1),
        "goal": goal,
    }


def memory_curve(chain: Chain, reader: Reader, *, seconds: float, format: str = "csv") -> Curve:
    """Export with a reader, for at most so many seconds, and watch what agent and backend hold."""
    path = chain.ask(SQL)
    curve = Curve(reader)
    over = threading.Event()

    def watch() -> None:
        while True:
            curve.agent_mb.append(resident_mb(chain.agent_pid))
            curve.backend_mb.append(resident_mb(chain.backend_pid))
            if over.wait(0.25):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.monotonic()
    try:
        with (
            httpx2.Client(base_url=chain.url, timeout=600, trust_env=False) as http,
            http.stream("GET", f"{path}/result?source=live&format={format}") as answer,
        ):
            answer.raise_for_status()
            if reader == "stuck":
                time.sleep(seconds)
                return curve
            for piece in answer.iter_raw():
                curve.bytes += len(piece)
                passed = time.monotonic() - started
                if reader == "slow":
                    time.sleep(max(0.0, curve.bytes / SLOW_BYTES_PER_SECOND - passed))
                if passed > seconds:
                    return curve
    finally:
        curve.seconds = time.monotonic() - started
        over.set()
        watcher.join()
    return curve
