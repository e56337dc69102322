"""``custard eval compare``, ``report`` and ``list``: what is kept of runs, and how two differ."""

from typing import Annotated

import typer

from evals.commands.common import (
    DEFAULT_OUT,
    EXIT_REGRESSION,
    AsJson,
    Baseline,
    OutFolder,
    Prices,
    err,
    examples,
    out,
    print_json,
    stored,
)

_COMPARE = examples(
    ("custard eval compare 20261123-0930", "the latest run beside that one"),
    ("custard eval compare 20261123-0930 20261124-1015 --json", "two runs by their beginnings"),
)
_REPORT = examples(
    ("custard eval report", "the latest run"),
    ("custard eval report 20261123-0930 --baseline 20261122", "with what it won and lost"),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command(epilog=_COMPARE, short_help="Show what was lost and won between two runs.")(compare)
    app.command(epilog=_REPORT, short_help="Tell a run again, and write its report files.")(report)
    app.command("list")(list_runs)


def compare(
    before: Annotated[str, typer.Argument(help="The earlier run: its id or its beginning.")],
    after: Annotated[str, typer.Argument(help="The later run.")] = "latest",
    folder: OutFolder = DEFAULT_OUT,
    as_json: AsJson = False,
) -> None:
    """Show which cases were lost and won between two runs; exit code 5 when that is worse beyond noise."""
    from evals.compare import compare as compare_results
    from evals.report.payload import comparison_json
    from evals.report.terminal import show_comparison

    (earlier, old), (later, new) = stored(folder, before), stored(folder, after)
    comparison = compare_results(old, new)
    if as_json:
        print_json({"before": earlier.run_id, "after": later.run_id, **comparison_json(comparison)})
    else:
        for name, run in (("Before", earlier), ("After", later)):
            off = f", without {', '.join(run.without)}" if run.without else ""
            err.print(f"[dim]{name}: {run.run_id}, commit {run.commit or '–'}, {run.model}{off}[/]")
        show_comparison(out, comparison)
    if comparison.is_regression:
        raise typer.Exit(EXIT_REGRESSION)


def report(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, its beginning, or 'latest'.")
    ] = "latest",
    baseline: Baseline = None,
    prices: Prices = None,
    folder: OutFolder = DEFAULT_OUT,
    as_json: AsJson = False,
) -> None:
    """Tell a run again: on the terminal or as JSON, and as Markdown, HTML and JUnit in the folder."""
    from evals.compare import compare as compare_results
    from evals.prices import read_price
    from evals.report import Subject, payload, write_reports
    from evals.report.terminal import show

    run, results = stored(folder, name)
    before = stored(folder, baseline)[1] if baseline else None
    comparison = compare_results(before, results) if before is not None else None
    subject = Subject(run, results, comparison, read_price(prices, run.model))
    page = write_reports(folder, subject)
    if as_json:
        print_json(payload(subject))
        return
    show(out, subject)
    out.print(f"\nRun {run.run_id}; report: {page}")
    if run.finished_at is None:
        err.print(f"[dim]It was stopped after {len(results)} of {run.cases}; the same command goes on.[/]")


def list_runs(folder: OutFolder = DEFAULT_OUT, as_json: AsJson = False) -> None:
    """List the runs that are kept, the latest first."""
    from evals.metrics import headline, summarize
    from evals.report.figures import share_text
    from evals.store import ResultStore

    with ResultStore(folder) as store:
        listed = [(run, summarize(headline(store.results(run.run_id)))) for run in store.runs()]
    if as_json:
        print_json([run.model_dump(mode="json") | {"correct": one.correct.as_json()} for run, one in listed])
        return
    for run, one in listed:
        state = "" if run.finished_at else "  stopped"
        off = f"  without {', '.join(run.without)}" if run.without else ""
        out.print(f"{run.run_id}  {run.suite:<16} {share_text(one.correct):<34}{state}{off}")
    if not listed:
        err.print("No run is kept here yet.")
