"""``custard eval …`` and ``custard bench``: how often answers are right, and what they cost."""

import typer

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command(
        "eval",
        context_settings=_PASS_ON,
        help="Score questions against gold SQL: run, compare, import.",
    )(evaluate)
    app.command("bench", context_settings=_PASS_ON, help="Measure speed, as ratios taken in one run.")(bench)


def evaluate(context: typer.Context) -> None:
    from evals.__main__ import main

    raise typer.Exit(main(context.args))


def bench(context: typer.Context) -> None:
    from evals.bench.__main__ import main

    raise typer.Exit(main(context.args))
