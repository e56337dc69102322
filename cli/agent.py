"""``custard agent …``: the agent's own command line, reached through ours."""

import typer

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(
        context_settings=_PASS_ON, help="The agent beside a database: run, join, check, grants, doctor."
    )(agent)


def agent(context: typer.Context) -> None:
    from agent.__main__ import main

    raise typer.Exit(main(context.args))
