"""``custard eval recall``: how well the tables that a question needs are found among a thousand."""

from typing import Annotated

import typer
from rich.markup import escape

from evals.commands.common import EXIT_FAILED, AsJson, examples, out, print_json

GOAL = 0.95
"""Recall among the first fifteen below which the command fails."""

_RECALL = examples(
    ("custard eval recall", "400 questions on 1,000 tables; no model is asked"),
    ("custard eval recall --tables 5000 --json", "a larger schema, with every miss"),
)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("recall", epilog=_RECALL, short_help="Measure what is found in a large schema.")(recall)


def recall(
    tables: Annotated[
        int, typer.Option("--tables", help="Tables of the schema.", min=20, max=20_000)
    ] = 1_000,
    questions: Annotated[int, typer.Option("--questions", help="Questions asked.", min=9, max=20_000)] = 400,
    seed: Annotated[int, typer.Option("--seed", help="Another seed gives another schema.")] = 7,
    budget: Annotated[int, typer.Option("--tokens", help="Tokens that the DDL may have.", min=500)] = 8_000,
    as_json: AsJson = False,
) -> None:
    """Measure, on an invented schema, how often the tables that a question needs are found.

    Exit code 1 when fewer than 95 % are among the first fifteen, or the DDL exceeds its tokens.
    """
    from evals.report.figures import share_text
    from evals.retrieval import make_questions, make_snapshot, measure

    snapshot = make_snapshot(tables, seed)
    found = measure(snapshot, make_questions(snapshot, questions, seed), budget)
    if as_json:
        print_json(found.as_json())
    else:
        out.print(f"{found.questions} questions on {found.tables} tables")
        out.print(f"Needed tables among the first 15   {share_text(found.found)}")
        out.print(f"Questions with all of theirs       {share_text(found.complete)}")
        out.print(f"... and all in the prompt's DDL    {share_text(found.shown)}")
        sizes = (found.tokens_p50, found.tokens_p90, found.tokens_most)
        out.print(f"Tokens of DDL: median, 90 %, most  {', '.join(f'{one:,.0f}' for one in sizes)}")
        out.print(f"Milliseconds a question, median    {found.milliseconds_p50:.0f}")
        for wording, share in found.by_wording.items():
            out.print(f"  {wording:<10} {share_text(share)}")
        causes: dict[str, int] = {}
        for miss in found.misses:
            causes[miss.cause] = causes.get(miss.cause, 0) + 1
        for cause, count in sorted(causes.items(), key=lambda item: -item[1]):
            out.print(f"Missed {count}: {escape(cause)}")
    if found.found.value < GOAL or found.tokens_most > budget:
        raise typer.Exit(EXIT_FAILED)
