"""``python -m evals`` (= ``custard eval``): run a suite, compare two runs, write a report.

Exit codes: 0 done, 1 failed, 2 wrong use, 5 a regression beside the baseline, 130 stopped.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evals.compare import Comparison, compare
from evals.errors import EvalError
from evals.metrics import by_group, summarize
from evals.model import ModelChoice
from evals.record import CaseResult, SuiteRun
from evals.report import figures, junit, markdown, webpage
from evals.run import SuiteOptions, run_suite
from evals.store import ResultStore

EXIT_FAILED, EXIT_REGRESSION, EXIT_STOPPED = 1, 5, 130
DEFAULT_OUT = Path("evals-out")
BUNDLED_CASES = Path(__file__).parent / "suites" / "bakery.jsonl"
BUNDLED_DATABASES = Path(__file__).parent / "suites" / "databases"

app = typer.Typer(
    name="eval", help="Score questions against gold SQL: run, compare, report.", no_args_is_help=True,
    pretty_exceptions_enable=False, add_completion=False,
)  # fmt: skip

Out = Annotated[Path, typer.Option("--out", help="Folder of results, replies and reports.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _option(name: str, said: str, **more: Any) -> Any:
    return typer.Option(name, help=said, **more)


Cases = Annotated[Path | None, _option("--cases", "JSONL file of cases; without it the bundled suite.")]
Databases = Annotated[
    Path | None, _option("--databases", "Folder of <db>/<db>.sql, loaded into a throw-away server.")
]
Connection = Annotated[
    str | None, _option("--connection", "Ask a live connection instead, through its backend.")
]
Backend = Annotated[
    str, _option("--backend", "With --connection: the backend's address.", envvar="CUSTARD_URL")
]
ModelName = Annotated[str | None, _option("--model", "Model to ask; a local one if none is configured.")]
Baseline = Annotated[str | None, _option("--baseline", "Run to compare with: its id, or its beginning.")]
Without = Annotated[list[str] | None, _option("--without", "Step or rule to switch off; may be repeated.")]
Limit = Annotated[int | None, _option("--limit", "Only so many cases, evenly spread.", min=1)]
MaxRepairs = Annotated[int | None, _option("--max-repairs", "Repairs by the model.", min=0)]
Concurrency = Annotated[int, _option("--concurrency", "Cases at a time.", min=1)]
Worded = Annotated[bool, _option("--worded", "Have answers put into a sentence as well.")]
Cache = Annotated[bool, _option("--cache/--no-cache", "Keep and replay the model's replies.")]
Fresh = Annotated[bool, _option("--fresh", "Do not go on with a run that was stopped.")]


@app.command()
def run(
    cases: Cases = None,
    databases: Databases = None,
    connection: Connection = None,
    backend: Backend = "http://127.0.0.1:8765",
    model: ModelName = None,
    out: Out = DEFAULT_OUT,
    as_json: AsJson = False,
    baseline: Baseline = None,
    without: Without = None,
    limit: Limit = None,
    max_repairs: MaxRepairs = None,
    concurrency: Concurrency = 1,
    worded: Worded = False,
    cache: Cache = True,
    fresh: Fresh = False,
) -> None:
    """Ask every case, judge the answers, keep the results."""
    if cases is None:
        if databases is not None or connection is not None:
            raise typer.BadParameter("Name the cases with --cases FILE.jsonl.")
        cases, databases = BUNDLED_CASES, BUNDLED_DATABASES
    if (databases is None) == (connection is None):
        raise typer.BadParameter("Give either --databases DIR or --connection ID.")
    options = SuiteOptions(
        model=ModelChoice.from_environment(model), without=frozenset(without or ()), worded=worded,
        max_repairs=max_repairs, limit=limit, concurrency=concurrency, cached=cache, fresh=fresh,
    )  # fmt: skip
    before = _results(out, baseline)[1] if baseline else None
    with _progress() as bar:
        task = bar.add_task("asking", total=None, right=0)
        right = 0

        def tell(result: CaseResult, done: int, total: int) -> None:
            nonlocal right
            right += result.correct
            bar.update(task, completed=done, total=total, right=right)

        if connection is not None:
            from evals.live import run_live

            finished, results = run_live(cases, connection, backend, out, options, tell)
        else:
            assert databases is not None
            finished, results = run_suite(cases, databases, out, options, tell)
    comparison = compare(before, results) if before is not None else None
    _write_reports(out, finished, results, comparison)
    if as_json:
        _print_json(finished, results, comparison)
    else:
        _print_table(finished, results, comparison, out)
    if comparison is not None and comparison.is_regression:
        raise typer.Exit(EXIT_REGRESSION)


@app.command("compare")
def compare_runs(
    before: Annotated[str, typer.Argument(help="The earlier run.")],
    after: Annotated[str, typer.Argument(help="The later run.")] = "latest",
    out: Out = DEFAULT_OUT,
    as_json: AsJson = False,
) -> None:
    """Show which cases were won and lost between two runs; exit 5 on a regression."""
    _, earlier = _results(out, before)
    run_, later = _results(out, after)
    comparison = compare(earlier, later)
    if as_json:
        _print_json(run_, later, comparison)
    else:
        sys.stdout.write(_told(comparison))
    if comparison.is_regression:
        raise typer.Exit(EXIT_REGRESSION)


@app.command()
def report(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, its beginning, or 'latest'.")
    ] = "latest",
    out: Out = DEFAULT_OUT,
    as_json: AsJson = False,
    baseline: Baseline = None,
) -> None:
    """Write a run's report again, as Markdown, HTML and JUnit."""
    run_, results = _results(out, name)
    comparison = compare(_results(out, baseline)[1], results) if baseline else None
    _write_reports(out, run_, results, comparison)
    if as_json:
        _print_json(run_, results, comparison)
    else:
        _print_table(run_, results, comparison, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; a clear line instead of a traceback."""
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="custard eval")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else EXIT_FAILED
    except EvalError as error:
        _complain(str(error), error.hint)
        return EXIT_FAILED
    except KeyboardInterrupt:
        _complain("Stopped. The same command goes on where it stood.", "")
        return EXIT_STOPPED
    return 0


def _complain(message: str, hint: str) -> None:
    sys.stderr.write(f"{message}\n{hint}\n" if hint else f"{message}\n")


def _results(out: Path, name: str) -> tuple[SuiteRun, list[CaseResult]]:
    with ResultStore(out) as store:
        found = store.run(name)
        return found, store.results(found.run_id)


def _write_reports(
    out: Path, run_: SuiteRun, results: Sequence[CaseResult], comparison: Comparison | None
) -> None:
    for suffix, text in (
        ("md", markdown(run_, results, comparison)),
        ("html", webpage(run_, results, comparison)),
        ("xml", junit(run_, results)),
    ):
        (out / f"{run_.run_id}.{suffix}").write_text(text, encoding="utf-8")


def _print_json(run_: SuiteRun, results: Sequence[CaseResult], comparison: Comparison | None) -> None:
    payload: dict[str, Any] = {
        "run": run_.model_dump(mode="json"),
        "summary": summarize(results).as_json(),
        "by_category": _groups(results, lambda one: one.category),
        "by_database": _groups(results, lambda one: one.db),
        "cases": [_case(one) for one in results],
    }
    if comparison is not None:
        payload["comparison"] = {
            "common": comparison.common,
            "gained": [flip.after.id for flip in comparison.gained],
            "lost": [flip.after.id for flip in comparison.lost],
            "p_value": comparison.p_value,
            "regression": comparison.is_regression,
        }
    sys.stdout.write(json.dumps(payload, ensure_ascii=False) + "\n")


def _groups(results: Sequence[CaseResult], key: Callable[[CaseResult], str]) -> dict[str, Any]:
    return {name: group.as_json() for name, group in by_group(results, key).items()}


def _case(one: CaseResult) -> dict[str, Any]:
    """A case's line: what was predicted, how it matches, and what it took."""
    told = {**one.model_dump(mode="json"), "attempts": len(one.attempts), "correct": one.correct}
    return {**told, "exact_match": one.exact, "subset_match": one.subset}


def _print_table(
    run_: SuiteRun, results: Sequence[CaseResult], comparison: Comparison | None, out: Path
) -> None:
    width = max(len(name) for name, _ in figures(summarize(results)))
    for name, value in figures(summarize(results)):
        sys.stdout.write(f"{name:<{width}}  {value}\n")
    if comparison is not None:
        sys.stdout.write(_told(comparison))
    sys.stdout.write(f"Run {run_.run_id}; report: {out / run_.run_id}.html\n")


def _told(comparison: Comparison) -> str:
    lines = [
        f"{comparison.common} cases in common: {len(comparison.gained)} gained, {len(comparison.lost)} lost, "
        f"p = {comparison.p_value:.3f}"
    ]
    for mark, flips in (("−", comparison.lost), ("+", comparison.gained)):
        for flip in flips:
            lines.append(f"{mark} {flip.after.id}: {flip.after.question}")
            lines.append(f"    {flip.before.verdict}: {flip.before.predicted or flip.before.error}")
            lines.append(f"    {flip.after.verdict}: {flip.after.predicted or flip.after.error}")
    return "\n".join(lines) + "\n"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[right]} right"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


if __name__ == "__main__":
    raise SystemExit(main())
