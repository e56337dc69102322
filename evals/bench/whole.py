"""What is noticed of the whole chain: a small query, a first row, a query beside an export."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
from websockets.sync.client import connect

from evals.bench import exports
from evals.bench.chain import Chain
from evals.bench.echo import running_echo
from evals.bench.figure import Figure, figure_of
from evals.bench.pipelines import TIMES
from evals.bench.processes import cpu_seconds, family_cpu_seconds
from evals.bench.statements import SMALL

_PAUSE_SECONDS = 0.2
"""After a file that was left: its statement is stopped meanwhile."""
_AT_ONCE = 8
"""Runs, each with its statements one after the other: as many as the owner's policy lets run."""
_STATEMENTS = 20
"""Of a run whose later ones are timed."""


def small_query(chain: Chain, dsn: str, *, rounds: int) -> Figure:
    """From the backend through socket, agent and database and back, as the backend's own clock says, against
    the same statement by psycopg and one echo on a socket."""
    mine: list[float] = []
    theirs: list[float] = []
    with (
        running_echo() as (address, _),
        connect(address, compression=None, proxy=None) as socket,
        psycopg.connect(dsn, autocommit=True) as conn,
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http,
    ):
        for turn in range(rounds + 2):
            started = time.perf_counter()
            conn.execute(SMALL).fetchall()
            socket.send(b"x" * 500)
            socket.recv()
            taken = time.perf_counter() - started
            answered = chain.answered(http, SMALL)
            if turn > 1:
                theirs.append(taken)
                mine.append(float(answered["answer"]["text"]))
    found = figure_of(
        "small_query", "20 rows to the backend : psycopg and a socket's echo", mine, theirs, goal=1.1
    )
    return found.aiming(p99=2 * found.baseline)


def small_query_cpu(chain: Chain, dsn: str, *, times: int) -> Figure:
    """Processor time that backend and agent spend together on a small query, eight at once, against that of
    psycopg and of a socket's echo, both ends."""
    with (
        running_echo() as (address, pid),
        connect(address, compression=None, proxy=None) as socket,
        psycopg.connect(dsn, autocommit=True) as conn,
    ):
        spent = time.process_time() + cpu_seconds(pid)
        for _ in range(times):
            conn.execute(SMALL).fetchall()
            socket.send(b"x" * 500)
            socket.recv()
        theirs = (time.process_time() + cpu_seconds(pid) - spent) / times

    def both() -> float:
        return cpu_seconds(chain.backend_pid) + family_cpu_seconds(chain.agent_pid)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        spent = both()
        list(pool.map(chain.ask, [f"{times}{TIMES}{SMALL}"] * _AT_ONCE))
        mine = (both() - spent) / (times * _AT_ONCE)
    what = "20 rows, processor time of backend and agent : of psycopg and a socket's echo"
    return figure_of("small_query_cpu", what, [mine], [theirs], unit="µs", scale=1e6).aiming(median=150)


def first_row(chain: Chain, dsn: str, *, rounds: int) -> Figure:
    """From asking for a file of many rows to its first byte, against psycopg's first row of the same."""
    path = chain.ask(exports.SQL)
    with (
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http,
        psycopg.connect(dsn) as conn,
    ):

        def fetched() -> float:
            with http.stream("GET", f"{path}/result?source=live&format=csv") as answer:
                next(answer.iter_raw())
                taken = time.perf_counter()
            time.sleep(_PAUSE_SECONDS)
            return taken

        def copied() -> float:
            with conn.cursor(name="first") as cursor:
                cursor.execute(exports.SQL.encode())
                cursor.fetchone()
                return time.perf_counter()

        fetched()
        mine, theirs = _in_turn(fetched, copied, rounds)
    what = "a file's first byte : a cursor's first row by psycopg"
    return figure_of("first_row", what, mine, theirs).aiming(median=20)


def beside_export(chain: Chain, *, rounds: int) -> Figure:
    """A small query while an export runs on the same agent, against the same while none does."""
    path = chain.ask(exports.SQL)
    over = threading.Event()

    def export() -> None:
        with httpx2.Client(base_url=chain.url, timeout=600, trust_env=False) as http:
            while not over.is_set():
                with http.stream("GET", f"{path}/result?source=live&format=csv") as answer:
                    for _ in answer.iter_raw():
                        if over.is_set():
                            break

    with httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http:

        def asked() -> float:
            return float(chain.answered(http, SMALL)["answer"]["text"])

        alone = [asked() for _ in range(rounds)]
        exporting = threading.Thread(target=export)
        exporting.start()
        try:
            time.sleep(0.2)
            beside = [asked() for _ in range(rounds)]
        finally:
            over.set()
            exporting.join()
    what = "20 rows while an export runs : while none does"
    return figure_of("beside_export", what, beside, alone).aiming(p99=10)


def routed(chain: Chain, *, rounds: int) -> Figure:
    """A question put to a replica that does not hold the agent, against one put to that which does."""
    with (
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as here,
        httpx2.Client(base_url=chain.others[0], timeout=60, trust_env=False) as there,
    ):

        def asked(http: httpx2.Client) -> float:
            chain.answered(http, SMALL)
            return time.perf_counter()

        asked(here), asked(there)
        mine, theirs = _in_turn(lambda: asked(there), lambda: asked(here), rounds)
    return figure_of("routed", "a question at another replica : at the agent's own", mine, theirs, goal=2)


def routed_later(chain: Chain, *, rounds: int) -> Figure:
    """Statements of one run after its first, asked for at a replica that does not hold the agent, against the
    same asked for at that which does: a run is placed once, and then is local."""
    mine: list[float] = []
    theirs: list[float] = []
    with (
        httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as here,
        httpx2.Client(base_url=chain.others[0], timeout=60, trust_env=False) as there,
    ):
        for turn in range(rounds + 1):
            for http, times in ((here, theirs), (there, mine)):
                answer = chain.answered(http, f"{_STATEMENTS}{TIMES}{SMALL}")["answer"]
                if turn:
                    times += [float(seconds) for seconds in answer["text"].split()[1:]]
    what = "a run's later statements, asked at another replica : at the agent's own"
    return figure_of("routed_later", what, mine, theirs, goal=1)


def _in_turn(
    work: Callable[[], float], baseline: Callable[[], float], rounds: int
) -> tuple[list[float], list[float]]:
    """Times of both until the moments that they return."""
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for action, times in ((baseline, theirs), (work, mine)):
            started = time.perf_counter()
            times.append(action() - started)
    return mine, theirs
