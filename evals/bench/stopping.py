"""How soon a database is rid of a statement that nobody wants any more."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import httpx2
import psycopg

from evals.bench.chain import Chain, until
from evals.bench.figure import Figure, figure_of

_LONG = "SELECT count(*) FROM bench.items AS a, bench.items AS b WHERE a.amount < b.amount"
"""Minutes of work, without a moment in which it would only wait."""
_BARE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    conn.execute("SET client_connection_check_interval = 1000")
    conn.execute(sys.argv[2])
"""


def stop(chain: Chain, dsn: str, owner: str, *, rounds: int) -> Figure:
    """From asking for a run's end until PostgreSQL runs nothing of it, against psycopg's own cancel."""
    mine: list[float] = []
    theirs: list[float] = []
    with (
        psycopg.connect(owner, autocommit=True) as watch,
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http,
    ):
        for _ in range(rounds):
            with closing(psycopg.connect(dsn, autocommit=True)) as conn:
                conn.pgconn.send_query(_LONG.encode())
                conn.pgconn.flush()
                until(lambda: _running(watch) > 0, pause=0.002)
                theirs.append(_until_gone(watch, conn.cancel_safe))
            run = _asked(chain, http)
            until(lambda: _running(watch) > 0, pause=0.002)
            mine.append(_until_gone(watch, lambda run=run: http.post(f"/api/v1/runs/{run}/cancel")))
    return figure_of("stop", "a run's statement stopped : psycopg's cancel", mine, theirs).aiming(p99=100)


def killed(chain: Chain, dsn: str, owner: str) -> Figure:
    """From the agent's kill -9 until PostgreSQL runs nothing of its, against another client's. The chain has
    no agent after that."""
    with (
        psycopg.connect(owner, autocommit=True) as watch,
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http,
    ):
        with subprocess.Popen([sys.executable, "-c", _BARE, dsn, _LONG]) as bare:
            until(lambda: _running(watch) > 0)
            theirs = _until_gone(watch, bare.kill)
        _asked(chain, http)
        until(lambda: _running(watch) > 0)
        mine = _until_gone(watch, lambda: os.kill(chain.agent_pid, signal.SIGKILL))
    what = "the agent's statement after kill -9 : another client's"
    return figure_of("killed", what, [mine], [theirs]).aiming(median=1_500)


def _asked(chain: Chain, http: httpx2.Client) -> str:
    body = {"connection_id": chain.connection_id, "question": _LONG}
    return str(http.post("/api/v1/query", json=body, headers={"Prefer": "respond-async"}).json()["run_id"])


def _running(watch: "psycopg.Connection[tuple[int]]") -> int:
    # Of an agent it is a cursor's FETCH that runs; what it fetches from is not told.
    found = watch.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND usename = 'bench_agent'"
        " AND (query LIKE 'SELECT count(*) FROM bench.items%' OR query LIKE 'FETCH%'"
        " OR query LIKE 'DECLARE%')"
    ).fetchone()
    assert found is not None
    return int(found[0])


def _until_gone(watch: "psycopg.Connection[tuple[int]]", act: object) -> float:
    assert callable(act)
    started = time.perf_counter()
    act()
    until(lambda: _running(watch) == 0, pause=0.002)
    return time.perf_counter() - started
