"""What the sandbox adds to ``custard-agent``: check, doctor, grants, policy. Handlers import late."""

from __future__ import annotations

import argparse
from pathlib import Path

Commands = argparse._SubParsersAction  # its only name
DSN_VARIABLE = "CUSTARD_AGENT_DSN"


def add_parsers(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the commands' parsers, each with its ``handler``."""
    _check(commands)


def _database_flags(parser: argparse.ArgumentParser, *, policy: bool = True) -> None:
    parser.add_argument("--dsn", help=f"the database; default ${DSN_VARIABLE}")
    if policy:
        parser.add_argument(
            "--policy", type=Path, help="the owner's policy file (TOML); without one nothing is read"
        )


def _check(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="judge statements as if they had come from the backend",
        description="Reads lines of JSON with id and sql, prints a line of JSON for each.",
    )
    _database_flags(parser)
    parser.add_argument(
        "--statements", type=Path, required=True, help="JSON Lines with id and sql; - for standard input"
    )
    parser.add_argument("--execute", action="store_true", help="also run what may run, and count its rows")
    parser.add_argument("--json", action="store_true", help="print JSON lines instead of a table")
    parser.set_defaults(handler=_run_check)


def _run_check(arguments: argparse.Namespace) -> int:
    from agent.check import handle

    return handle(arguments)
