"""``custard eval import`` and ``check``: other people's questions as cases, and whether cases are good."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from evals.commands.asking import BUNDLED, BUNDLED_DATABASES
from evals.commands.common import EXIT_FAILED, AsJson, err, examples, out, print_json

_IMPORT = examples(
    (
        "custard eval import sql-eval questions.csv --databases defog-data/ --out evals/sql-eval",
        "one .sql each",
    ),
    (
        "custard eval import spider dev.json --databases database/ --out evals/spider",
        "SQLite files, converted",
    ),
    (
        "custard eval import bird dev.json --databases dev_databases/ --out evals/bird",
        "evidence becomes notes",
    ),
    (
        "custard eval import verified verified.json --db billing --out evals/billing",
        "for --connection or --dsn",
    ),
    ("custard eval run --cases evals/spider/cases.jsonl --databases evals/spider/databases", "then ask them"),
)
_CHECK = examples(
    (
        "custard eval check --cases my.yaml --databases dbs/",
        "before it is asked: does it tell right from wrong?",
    ),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("import", epilog=_IMPORT, short_help="Take over questions of a benchmark, or verified ones.")(
        import_
    )
    app.command("check", epilog=_CHECK, short_help="Run the accepted queries of cases, and spoilt ones.")(
        check
    )


def import_(
    form: Annotated[
        Literal["sql-eval", "spider", "bird", "verified"],
        typer.Argument(metavar="FORMAT", help="sql-eval, spider, bird or verified."),
    ],
    source: Annotated[Path, typer.Argument(help="The file of questions: .json, .jsonl or .csv.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for cases.jsonl and databases/.")],
    databases: Annotated[
        Path | None, typer.Option("--databases", help="Folder with <db>.sql or <db>.sqlite, at any depth.")
    ] = None,
    db: Annotated[
        str | None, typer.Option("--db", help="Name of the database, where the file says none.")
    ] = None,
    dialect: Annotated[
        Literal["sqlite", "postgres"] | None,
        typer.Option("--dialect", help="Of the accepted queries; SQLite's are translated."),
    ] = None,
    check_queries: Annotated[
        bool, typer.Option("--check/--no-check", help="Leave out cases whose accepted query does not run.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Take over questions: a benchmark's with its databases, or queries that people have verified.

    What cannot be taken over (a query that PostgreSQL refuses, a view, a key that rows break) is told, and
    listed in IMPORT.md beside the cases.
    """
    from evals.imports import read_source, write_suite

    found = read_source(form, source, dialect)
    if db is not None:
        found.cases = [case.model_copy(update={"db": case.db or db}) for case in found.cases]
    written = write_suite(
        found, folder, databases, check=check_queries and databases is not None,
        told=lambda line: err.print(f"[dim]{escape(line)}[/]"),
    )  # fmt: skip
    if as_json:
        print_json(
            {
                "cases": written.cases,
                "databases": written.databases,
                "left_out": [{"id": one.id, "reason": one.reason} for one in written.left_out],
                "notes": written.notes,
            }
        )
        return
    out.print(f"{written.cases} cases, {len(written.databases)} databases in {escape(str(folder))}")
    notes = sum(map(len, written.notes.values()))
    if written.left_out or notes:
        err.print(
            f"{len(written.left_out)} questions left out, {notes} notes on databases: see IMPORT.md there."
        )


def check(
    cases: Annotated[Path | None, typer.Option("--cases", help="Without it, the bundled demo suite.")] = None,
    databases: Annotated[Path | None, typer.Option("--databases", help="Folder of <db>/<db>.sql.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the accepted queries on every variant, and see that spoilt ones give another result.

    Exit code 1 when a case must be mended: its query fails, says nothing, or cannot be told from a wrong one.
    """
    from contextlib import ExitStack

    from evals.cases import load_cases
    from evals.databases import suite_server
    from evals.distinguish import check_case
    from evals.execution import ScoringConnection
    from evals.score import Scorer

    if (cases is None) != (databases is None):
        raise typer.BadParameter("Give both --cases and --databases, or neither.")
    listed = load_cases(cases or BUNDLED["demo"])
    checks = []
    with suite_server(databases or BUNDLED_DATABASES) as server, ExitStack() as stack:
        for name in sorted({case.db for case in listed}):
            scorers = [
                Scorer(stack.enter_context(ScoringConnection(one.owner_dsn, one.search_path)))
                for one in server.variants(name)
            ]
            checks += [check_case(case, scorers) for case in listed if case.db == name]
    bad = [one for one in checks if one.problems]
    if as_json:
        print_json(
            [
                {"id": one.case.id, "problems": one.problems, "told_apart": one.told_apart,
                 "survivors": [{"slip": spoilt.slip, "sql": spoilt.sql} for spoilt in one.survivors]}
                for one in checks
            ]
        )  # fmt: skip
    else:
        for one in bad:
            for problem in one.problems:
                out.print(f"[red]✗[/] [bold]{escape(one.case.id)}[/] {escape(problem)}")
        told, missed = sum(one.told_apart for one in checks), sum(len(one.survivors) for one in checks)
        out.print(
            f"{len(checks)} cases, {len(bad)} to mend; {told} of {told + missed} spoilt queries told apart."
        )
    if bad:
        raise typer.Exit(EXIT_FAILED)
