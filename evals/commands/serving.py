"""``custard eval agent``: an agent that holds cases, scores queries by them, and lets no row leave."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.commands.common import examples

_EXAMPLES = examples(
    (
        "custard eval agent --cases cases.yaml --policy policy.toml --dsn-file dsn",
        "beside the database, joined to a connection of its own",
    ),
    ("custard eval run --connection ID", "then, from anywhere: verdicts and counts come back"),
)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("agent", epilog=_EXAMPLES, short_help="An agent that scores by its own cases.")(agent)


def _option(name: str, said: str) -> Any:
    return typer.Option(name, help=said)


def agent(
    cases: Annotated[Path, _option("--cases", "File (.jsonl, .yaml) or folder of cases.")],
    policy: Annotated[Path | None, _option("--policy", "The owner's policy file.")] = None,
    server: Annotated[str | None, _option("--server", "The backend.")] = None,
    token_file: Annotated[Path | None, _option("--token-file", "Holds this agent's token.")] = None,
    dsn_file: Annotated[Path | None, _option("--dsn-file", "Holds the connection string.")] = None,
    log_level: Annotated[str | None, _option("--log-level", "debug, info, warning or error.")] = None,
) -> None:
    """Serve as `custard agent run` does, with cases beside it. Their accepted queries and the rows of every
    result stay here: give it a connection of its own, since whoever asks there sees counts only.
    """
    from agent.__main__ import serve
    from agent.logs import configure_logging
    from agent.settings import load_settings
    from evals.casebook import CaseFile
    from evals.cases import load_cases

    book = CaseFile(cases.name, load_cases(cases))
    settings = load_settings(
        server=server, token_file=token_file, dsn_file=dsn_file, policy=policy, log_level=log_level
    )
    configure_logging(settings.log_level)
    raise typer.Exit(asyncio.run(serve(settings, book)))
