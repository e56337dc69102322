"""What the sandbox adds to ``custard-agent``: check, doctor, grants, policy. Handlers import late."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

Commands = argparse._SubParsersAction  # its only name
DSN_VARIABLE = "CUSTARD_AGENT_DSN"
POLICY_VARIABLE = "CUSTARD_AGENT_POLICY"


def add_parsers(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the commands' parsers, each with its ``handler``."""
    _check(commands)
    doctor = commands.add_parser("doctor", help="whether the agent's role may do no more than it should")
    _database_flags(doctor)
    doctor.add_argument("--json", action="store_true", help="print JSON lines")
    doctor.set_defaults(handler=_run_doctor)
    grants = commands.add_parser("grants", help="print the script that makes the agent's role")
    _database_flags(grants)
    grants.add_argument("--role", default="custard_agent", help="the role's name; default custard_agent")
    grants.set_defaults(handler=_run_grants)
    _policy(commands)


def _database_flags(parser: argparse.ArgumentParser, *, policy: bool = True) -> None:
    parser.add_argument("--dsn", help=f"the database; default ${DSN_VARIABLE}")
    if policy:
        parser.add_argument(
            "--policy",
            type=Path,
            # The same file that `run` would take: a role granted by another policy would read nothing.
            default=os.environ.get(POLICY_VARIABLE) or None,
            help=f"the owner's policy file (TOML), default ${POLICY_VARIABLE}; without one nothing is read",
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


def _policy(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("policy", help="check, explain, compare or test a policy file")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, words, summary in (
        ("check", "FILE", "what in the file does not do what it looks like, and what it exposes"),
        ("test", "FILE", "run the file's own tests"),
        ("explain", "FILE", "which rule decides about a statement, what it reads, what would run"),
        ("diff", "OLD NEW", "what can be read under the second file, and no longer, in sentences"),
    ):
        one = actions.add_parser(action, help=summary, description=summary[0].upper() + summary[1:] + ".")
        one.add_argument(
            "words", nargs="*", metavar=words, help=f"policy files; --policy stands for the first of {words}"
        )
        _database_flags(one)
        one.add_argument("--snapshot", type=Path, help="a snapshot's JSON in place of a database")
        one.add_argument("--json", action="store_true", help="print one JSON document")
        if action == "explain":
            one.add_argument("--sql", help="the statement; or write it behind FILE")
        one.set_defaults(handler=_run_policy)


def _run_policy(arguments: argparse.Namespace) -> int:
    from agent.policy_command import handle

    return handle(arguments)


def _run_check(arguments: argparse.Namespace) -> int:
    from agent.check import handle

    return handle(arguments)


def _run_doctor(arguments: argparse.Namespace) -> int:
    from agent.doctor import handle

    return handle(arguments)


def _run_grants(arguments: argparse.Namespace) -> int:
    from agent.grants import handle

    return handle(arguments)
