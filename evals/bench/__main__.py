"""``python -m evals.bench`` (= ``custard bench``): measure, print a table or JSON."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from evals.bench import catalogs, statements
from evals.bench.catalogs import catalog_figures
from evals.bench.figure import Figure
from evals.bench.questions import question_figures
from evals.bench.statements import statement_figures

BURSTS, SHORT_BURSTS = 8, 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    short: Annotated[bool, typer.Option("--short", help="A quarter of the repetitions.")] = False,
) -> None:
    """Measure the system on a throw-away PostgreSQL, as ratios to a baseline of the same run."""
    figures = asyncio.run(_measure(SHORT_BURSTS if short else BURSTS))
    if as_json:
        report = {"machine": machine(), "figures": [figure.model_dump() for figure in figures]}
        sys.stdout.write(json.dumps(report) + "\n")
        return
    out = Console(highlight=False)
    out.print(_table(figures))
    for figure in figures:
        out.print(f"[dim]{figure.name}: {figure.what}[/]")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpus": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


async def _measure(bursts: int) -> list[Figure]:
    from embedded.postgres import temporary_postgres

    with temporary_postgres() as server:
        dsn = server.dsn()
        statements.prepare(dsn)
        figures = await statement_figures(dsn, bursts=bursts)
        figures += await question_figures(dsn, bursts=bursts)
        catalogs.prepare(dsn)
        return [*figures, *await catalog_figures(dsn, bursts=bursts)]


def _table(figures: list[Figure]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("figure", no_wrap=True)
    for heading in ("ratio", "goal", "median ms", "baseline ms", "p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures:
        goal = "" if figure.goal is None else f"≤ {figure.goal:g}"
        numbers = (f"{value:,.3f}" for value in (figure.median_ms, figure.baseline_ms, figure.p99_ms))
        table.add_row(figure.name, f"{figure.ratio:,.3f}", goal, *numbers)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    code = app(
        args=list(argv) if argv is not None else None, standalone_mode=False, prog_name="custard bench"
    )
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
