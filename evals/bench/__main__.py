"""``python -m evals.bench`` (= ``custard bench``): measure, keep, compare; print a table or JSON."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from embedded.postgres import EmbeddedPostgres
from evals.bench import catalogs, exports, history, idle, statements, stopping, whole
from evals.bench.carried import carried_figures
from evals.bench.catalogs import catalog_figures
from evals.bench.chain import make_role, running_chain, running_replicas
from evals.bench.figure import Figure
from evals.bench.herd import herd, herd_figures
from evals.bench.idle import idle_figures
from evals.bench.load import first_event, loads
from evals.bench.overhead import overhead_cpu, overhead_wall
from evals.bench.processes import TooFewFiles, allow_files
from evals.bench.questions import question_figures
from evals.bench.report import Report
from evals.bench.statements import statement_figures
from evals.bench.streams import EVENTS, stream_figures

BURSTS, SHORT_BURSTS = 8, 2
CONCURRENT = (1, 16, 64)
QUESTIONS = 256
STREAM_ROUNDS, SHORT_STREAM = 3, 400
MEMORY_ROWS = 10_000_000
SLOW_SECONDS = 30.0
IDLE_AGENTS, HERD = 300, 2_000
IDLE_SECONDS = 15.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    short: Annotated[
        bool, typer.Option("--short", help="A quarter of the repetitions; no load, replicas or idle agents.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Also 10,000 tables, 10,000 idle agents, 2,000 that come back, 10 million rows."
        ),
    ] = False,
    kept: Annotated[
        Path | None, typer.Option("--history", help="Where figures are kept and compared with.")
    ] = None,
) -> None:
    """Measure the system on a throw-away PostgreSQL, as ratios to a baseline of the same run.

    Figures are kept, and shown beside those of the last other commit. Nothing here passes or fails.
    """
    if full:
        _allow_files()
    of, file = history.commit(), kept or history.history_file()
    earlier = history.before(file, of)
    report = _measure(SHORT_BURSTS if short else BURSTS, short=short, full=full)
    facts = machine()
    history.keep(file, report.figures, facts, of)
    if as_json:
        sys.stdout.write(json.dumps(report.told(facts, of, earlier)) + "\n")
        return
    report.print(earlier)


def _allow_files() -> None:
    """Find out before an hour of measuring whether so many sockets may be open."""
    try:
        allow_files(idle.MANY)
    except TooFewFiles as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpus": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _measure(bursts: int, *, short: bool, full: bool) -> Report:
    from embedded.postgres import temporary_postgres

    report = Report()
    rows = exports.ROWS // 10 if short else exports.ROWS
    with temporary_postgres() as server:
        owner, dsn = server.dsn(), make_role(server)
        statements.prepare(owner)
        report.figures += asyncio.run(_in_process(owner, bursts))
        with running_chain(dsn) as chain:
            report.figures.append(asyncio.run(first_event(chain, rounds=bursts * 5)))
            report.figures.append(overhead_wall(chain, rounds=bursts * 5))
            if not short:
                report.loads = asyncio.run(loads(chain, CONCURRENT, questions=QUESTIONS))
        figures, report.streams = asyncio.run(
            stream_figures(rounds=1 if short else STREAM_ROUNDS, events=SHORT_STREAM if short else EVENTS)
        )
        report.figures += figures
        if not short:
            _with_replicas(report, server, dsn, bursts)
        exports.prepare(owner, rows)
        with running_chain(dsn, asked="sql") as chain:
            report.figures.append(whole.small_query(chain, dsn, rounds=bursts * 10))
            report.figures.append(whole.small_query_cpu(chain, dsn, times=bursts * 25))
            report.figures.append(whole.first_row(chain, dsn, rounds=bursts * 2))
            report.figures.append(whole.beside_export(chain, rounds=bursts * 10))
            report.figures += exports.export_figures(chain, dsn, rounds=max(1, bursts // 2), rows=rows)
            report.figures.append(stopping.stop(chain, dsn, owner, rounds=bursts))
            report.figures.append(stopping.killed(chain, dsn, owner))
        report.figures += carried_figures(dsn, rows=rows)
        if not short:
            agents = idle.MANY if full else IDLE_AGENTS
            report.figures += asyncio.run(idle_figures(agents=agents, seconds=IDLE_SECONDS))
        tables = catalogs.MANY if full else catalogs.TABLES
        catalogs.prepare(owner, tables)
        report.figures += asyncio.run(catalog_figures(dsn, bursts=bursts, tables=tables))
    if full:
        report.memory = _memory()
        report.herd = asyncio.run(herd(HERD))
        report.figures += herd_figures(report.herd)
    return report


def _with_replicas(report: Report, server: EmbeddedPostgres, dsn: str, bursts: int) -> None:
    """What two replicas carry, and what the way from one to the other costs."""
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE bench_store")
        conn.execute("CREATE DATABASE bench_store_of_two")
        conn.execute("CREATE DATABASE bench_store_of_sql")
    with running_replicas(dsn, server.dsn("bench_store")) as chain:
        report.loads += asyncio.run(loads(chain, CONCURRENT, questions=QUESTIONS))
    with running_replicas(dsn, server.dsn("bench_store_of_two"), agent_each=True) as chain:
        report.loads += asyncio.run(loads(chain, CONCURRENT, questions=QUESTIONS))
    with running_replicas(dsn, server.dsn("bench_store_of_sql"), asked="sql") as chain:
        report.figures.append(whole.routed(chain, rounds=bursts * 5))
        report.figures.append(whole.routed_later(chain, rounds=bursts))


def _memory() -> list[dict[str, Any]]:
    """Curves of ten million rows: to the end for the fast reader, for a while for the others."""
    from embedded.postgres import temporary_postgres

    with temporary_postgres() as server:
        dsn = make_role(server)
        exports.prepare(server.dsn(), MEMORY_ROWS)
        with running_chain(dsn, asked="sql") as chain:
            curves = [exports.memory_curve(chain, "fast", seconds=3_600)]
            curves += [
                exports.memory_curve(chain, reader, seconds=SLOW_SECONDS) for reader in ("slow", "stuck")
            ]
    return [curve.told() for curve in curves]


async def _in_process(dsn: str, bursts: int) -> list[Figure]:
    return [
        *await statement_figures(dsn, bursts=bursts),
        *await question_figures(dsn, bursts=bursts),
        await overhead_cpu(dsn, rounds=bursts * 5),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    code = app(
        args=list(argv) if argv is not None else None, standalone_mode=False, prog_name="custard bench"
    )
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
