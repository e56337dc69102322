"""``custard policy …``: what a policy file says, before anybody relies on it. Works without the backend."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="The policy file (TOML).")]
Dsn = Annotated[
    str | None, typer.Option("--dsn", help="The database; default CUSTARD_AGENT_DSN.", show_default=False)
]
Snapshot = Annotated[
    Path | None,
    typer.Option("--snapshot", help="A snapshot's JSON, as `custard schema show --json` prints it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

_policy = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.add_typer(_policy, name="policy", help="Check, explain, compare and test policies.")


@_policy.command("check")
def check(file: File, dsn: Dsn = None, snapshot: Snapshot = None, as_json: AsJson = False) -> None:
    """Say what in a policy is wrong, and what it exposes."""
    from agent import policy_command as run

    raise typer.Exit(asyncio.run(run.check(file, run.Where(dsn, snapshot), as_json=as_json)))


@_policy.command("explain")
def explain(
    file: File,
    sql: Annotated[str, typer.Option("--sql", help="The statement.")],
    dsn: Dsn = None,
    snapshot: Snapshot = None,
    as_json: AsJson = False,
) -> None:
    """Say which rule decides about a statement, what it reads and what would run; exit 3 when refused."""
    from agent import policy_command as run

    raise typer.Exit(asyncio.run(run.explain(file, sql, run.Where(dsn, snapshot), as_json=as_json)))


@_policy.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The policy file that holds.")],
    new: Annotated[Path, typer.Argument(help="The one to take its place.")],
    dsn: Dsn = None,
    snapshot: Snapshot = None,
    as_json: AsJson = False,
) -> None:
    """Say in sentences what becomes readable, and what no longer is."""
    from agent import policy_command as run

    raise typer.Exit(asyncio.run(run.diff(old, new, run.Where(dsn, snapshot), as_json=as_json)))


@_policy.command("test")
def run_tests(file: File, dsn: Dsn = None, snapshot: Snapshot = None, as_json: AsJson = False) -> None:
    """Run a policy's own tests; exit 1 when one fails."""
    from agent import policy_command as run

    raise typer.Exit(asyncio.run(run.run_tests(file, run.Where(dsn, snapshot), as_json=as_json)))
