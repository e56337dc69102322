"""``custard eval …``: score questions, compare runs."""

import typer

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(
        "eval", context_settings=_PASS_ON, help="Score questions against gold SQL: run, compare, report."
    )(evaluate)


def evaluate(context: typer.Context) -> None:
    from evals.__main__ import main

    raise typer.Exit(main(context.args))
