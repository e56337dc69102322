"""``custard eval run``: ask every case, judge the answers, keep the results."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from evals.commands.common import (
    DEFAULT_OUT,
    EXIT_REGRESSION,
    AsJson,
    Baseline,
    OutFolder,
    Prices,
    bar,
    examples,
    out,
    print_json,
    stored,
)
from evals.record import CaseResult, SuiteRun

SUITES = Path(__file__).parents[1] / "suites"
BUNDLED_DATABASES = SUITES / "databases"
BUNDLED = {"bakery": SUITES / "bakery.jsonl", "demo": SUITES / "demo", "trades": SUITES / "trades"}
"""Suites that come with Custard: ``bakery`` small and fixed, ``demo`` large and scored on three variants,
``trades`` over ten small databases of as many trades."""

_EXAMPLES = examples(
    ("custard eval run", "the small bundled suite, with the local model"),
    ("custard eval run --suite demo --category ratio", "one category of the demo's questions"),
    ("custard eval run --cases my.yaml --databases dbs/", "your questions, databases of dbs/<db>/<db>.sql"),
    ("custard eval run --cases my.yaml --dsn $DSN --policy policy.toml", "your database: rows stay here"),
    ("custard eval run --connection ID", "the cases beside its agent (`custard eval agent`), scored there"),
    ("custard eval run --baseline latest", "again; exit code 5 where it got worse"),
)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("run", epilog=_EXAMPLES, short_help="Ask every case, judge the answers.")(run)


def _option(name: str, said: str, **more: Any) -> Any:
    return typer.Option(name, help=said, **more)


def run(
    suite: Annotated[
        Literal["bakery", "demo", "trades"] | None, _option("--suite", "A bundled suite.")
    ] = None,
    cases: Annotated[
        Path | None,
        _option("--cases", "File (.jsonl, .yaml) or folder of cases, instead of a bundled suite."),
    ] = None,
    databases: Annotated[
        Path | None, _option("--databases", "Folder of <db>/<db>.sql, loaded into a throw-away server.")
    ] = None,
    dsn: Annotated[
        str | None, _option("--dsn", "Your own database, asked from here; CUSTARD_EVAL_DSN does as well.")
    ] = None,
    policy: Annotated[
        Path | None, _option("--policy", "With your own database: the agent's policy file.")
    ] = None,
    connection: Annotated[
        str | None, _option("--connection", "Ask a live connection instead, through its backend.")
    ] = None,
    backend: Annotated[
        str, _option("--backend", "With --connection: the backend's address.", envvar="CUSTARD_URL")
    ] = "http://127.0.0.1:8765",
    model: Annotated[
        str | None, _option("--model", "Model to ask; a local one if none is configured.")
    ] = None,
    category: Annotated[
        list[str] | None, _option("--category", "Only cases of this category; may be repeated.")
    ] = None,
    only: Annotated[
        list[str] | None, _option("--only", "Only the case of this id, or ids by ab*; may be repeated.")
    ] = None,
    limit: Annotated[int | None, _option("--limit", "Only so many cases, evenly spread.", min=1)] = None,
    without: Annotated[
        list[str] | None, _option("--without", "Step or rule to switch off; may be repeated.")
    ] = None,
    single_shot: Annotated[
        bool,
        _option("--single-shot", "The baseline: the whole schema, one query, nothing mended or refused."),
    ] = False,
    value_hints: Annotated[
        bool, _option("--value-hints", "Show the model values that the question's words meet.")
    ] = False,
    candidates: Annotated[
        int, _option("--candidates", "Drafts held against each other by their results.", min=1, max=7)
    ] = 1,
    max_repairs: Annotated[int | None, _option("--max-repairs", "Repairs by the model.", min=0)] = None,
    repeat: Annotated[int, _option("--repeat", "Times each question is asked.", min=1, max=100)] = 1,
    paraphrases: Annotated[bool, _option("--paraphrases", "Ask the cases' other words as well.")] = False,
    worded: Annotated[bool, _option("--worded", "Have answers put into a sentence as well.")] = False,
    concurrency: Annotated[int, _option("--concurrency", "Cases at a time.", min=1, max=64)] = 1,
    cache: Annotated[bool, _option("--cache/--no-cache", "Keep and replay the model's replies.")] = True,
    fresh: Annotated[bool, _option("--fresh", "Do not go on with a run that was stopped.")] = False,
    baseline: Baseline = None,
    prices: Prices = None,
    folder: OutFolder = DEFAULT_OUT,
    as_json: AsJson = False,
) -> None:
    """Ask every case, judge the answers, keep the results. A stopped run goes on where it stood."""
    from evals.live import DSN_VARIABLE
    from evals.model import ModelChoice
    from evals.options import SuiteOptions
    from graph.switches import SINGLE_SHOT

    if policy is not None and connection is None:
        dsn = dsn or os.environ.get(DSN_VARIABLE)
    where = [
        name for name, one in (("databases", databases), ("dsn", dsn), ("connection", connection)) if one
    ]
    held = cases is None and suite is None and where == ["connection"]
    if cases is None and not held:
        if where:
            raise typer.BadParameter("Name the cases with --cases.", param_hint=f"--{where[0]}")
        cases, databases = BUNDLED[suite or "bakery"], BUNDLED_DATABASES
    elif suite is not None and cases is not None:
        raise typer.BadParameter("Give either --suite or --cases.", param_hint="--suite")
    elif len(where) != 1:
        raise typer.BadParameter("Give one of --databases DIR, --dsn DSN and --connection ID.")
    if (policy is None) != (dsn is None):
        raise typer.BadParameter("--dsn and --policy go together: what may be read is the policy's say.")
    if connection is not None:
        _refuse_settings(
            {
                "--model": model is not None,
                "--without": bool(without),
                "--single-shot": single_shot,
                "--value-hints": value_hints,
                "--candidates": candidates != 1,
                "--max-repairs": max_repairs is not None,
                "--worded": worded,
            }
        )
    if single_shot and (value_hints or candidates != 1 or max_repairs):
        raise typer.BadParameter("One query and no help is what it means.", param_hint="--single-shot")
    options = SuiteOptions(
        model=ModelChoice.from_environment(model),
        without=_switches(without or []) | (SINGLE_SHOT if single_shot else frozenset()),
        worded=worded,
        value_hints=value_hints,
        candidates=candidates,
        max_repairs=0 if single_shot else max_repairs,
        limit=limit,
        categories=tuple(category or ()),
        only=tuple(only or ()),
        repeat=repeat,
        paraphrases=paraphrases,
        concurrency=concurrency,
        cached=cache,
        fresh=fresh,
    )
    before = stored(folder, baseline)[1] if baseline else None
    finished, results = _ask(cases, databases, dsn, policy, connection, backend, folder, options)
    _tell(folder, finished, results, before, prices, as_json)


def _refuse_settings(given: dict[str, bool]) -> None:
    """A live connection is answered with its backend's settings; ignoring ours would mislabel figures."""
    for name in (name for name, was_given in given.items() if was_given):
        raise typer.BadParameter("With --connection this is the backend's own setting.", param_hint=name)


def _switches(names: list[str]) -> frozenset[str]:
    """The names of ``--without``. One that nothing answers to would be told as a figure of nothing."""
    from graph.switches import unknown_switches

    for name, near in unknown_switches(names).items():
        meant = f" Did you mean {' or '.join(near)}?" if near else " docs/accuracy.md lists the names."
        raise typer.BadParameter(f"No step or rule is called {name!r}.{meant}", param_hint="--without")
    return frozenset(names)


def _ask(
    cases: Path | None,
    databases: Path | None,
    dsn: str | None,
    policy: Path | None,
    connection: str | None,
    backend: str,
    folder: Path,
    options: Any,
) -> tuple[SuiteRun, list[CaseResult]]:
    with bar() as shown:
        if connection is not None:
            from evals.live import run_held, run_live

            if cases is None:
                return run_held(connection, backend, folder, options, shown.tell)
            return run_live(cases, connection, backend, folder, options, shown.tell)
        assert cases is not None
        from evals.run import run_own, run_suite
        from evals.suite import read_policy

        if dsn is not None and policy is not None:
            return run_own(cases, dsn, read_policy(policy), folder, options, shown.tell)
        assert databases is not None
        return run_suite(cases, databases, folder, options, shown.tell)


def _tell(
    folder: Path,
    finished: SuiteRun,
    results: list[CaseResult],
    before: list[CaseResult] | None,
    prices: Path | None,
    as_json: bool,
) -> None:
    from evals.compare import compare
    from evals.prices import read_price
    from evals.report import Subject, payload, write_reports
    from evals.report.terminal import show

    comparison = compare(before, results) if before is not None else None
    subject = Subject(finished, results, comparison, read_price(prices, finished.model))
    page = write_reports(folder, subject)
    if as_json:
        print_json(payload(subject))
    else:
        show(out, subject)
        out.print(f"\nRun {finished.run_id}; report: {page}")
    if comparison is not None and comparison.is_regression:
        raise typer.Exit(EXIT_REGRESSION)
