"""``custard-agent``, which is ``python -m agent``: run, join, check, grants, doctor, policy, health.

Results go to stdout, logs and errors to stderr. Exit codes: 0 ok, 1 failed, 2 usage or settings, 3 refused by
policy, 130 stopped.
"""

import argparse
import asyncio
import contextlib
import io
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.errors import AgentError, DatabaseUnavailable
from agent.logs import configure_logging
from agent.redact import redact
from agent.settings import Settings, identity_file, load_settings
from wire.errors import CustardError, PolicyError

if TYPE_CHECKING:
    from agent.casebook import Casebook

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 130

_log = logging.getLogger("agent")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. ``argv`` None takes the process's own arguments."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A code that was redeemed is not to end in a traceback over the tick that says so.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_USAGE
    try:
        return int(arguments.handler(arguments))
    except CustardError as error:
        _complain(error)
        if isinstance(error, PolicyError):
            return EXIT_USAGE
        return error.exit_code if isinstance(error, AgentError) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone; what is left to say has no reader.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return EXIT_FAILED


def build_parser() -> argparse.ArgumentParser:
    """Every command with its flags."""
    parser = argparse.ArgumentParser(
        prog="custard-agent",
        description="Connects one PostgreSQL database to Custard, from inside its own network.",
        epilog="Settings come from CUSTARD_AGENT_* or a TOML file: docs/agent.md lists them.",
    )
    parser.add_argument("--version", action="version", version=f"custard-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="connect and serve until stopped")
    _server_flags(run)
    run.add_argument(
        "--policy", type=Path, help="the owner's policy file (TOML); without one nothing is read"
    )
    run.set_defaults(handler=_run)

    join = commands.add_parser("join", help="exchange a join code for this agent's token, and check the rest")
    join.add_argument("server", help="the backend, such as https://custard.example")
    join.add_argument("code", help="the join code that it showed")
    join.add_argument("--token-file", type=Path, help="where to keep the token (default: the user's config)")
    join.add_argument("--name", default="", help="a name for this agent")
    join.add_argument("--json", action="store_true", help="print the checks as JSON lines")
    join.set_defaults(handler=_join)

    health = commands.add_parser("health", help="exit 0 when the agent on this machine lives")
    health.set_defaults(handler=_health)

    _sandbox_commands(commands)
    return parser


def _sandbox_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What the sandbox brings: check, grants, doctor, policy."""
    from agent.sandbox.commands import add_parsers

    add_parsers(commands)


def _server_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", help="the backend, such as https://custard.example")
    parser.add_argument("--token-file", type=Path, help="file that holds this agent's token")
    parser.add_argument("--dsn-file", type=Path, help="file that holds the database's connection string")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"])


def _run(arguments: argparse.Namespace) -> int:
    settings = load_settings(
        server=arguments.server,
        token_file=arguments.token_file,
        dsn_file=arguments.dsn_file,
        policy=arguments.policy,
        log_level=arguments.log_level,
    )
    configure_logging(settings.log_level)
    return asyncio.run(serve(settings))


async def serve(settings: Settings, casebook: "Casebook | None" = None) -> int:
    """Run the agent until it is told to stop by SIGTERM or SIGINT; returns the exit code.

    Args:
        casebook: cases of an eval that it scores queries by; with them no row leaves.

    Raises:
        ConnectionEnded: the backend has closed the door for good.
        SettingsError, PolicyError: something needed is missing or wrong.
        RoleRefused: the database role may do more than it should.
    """
    from agent.sandbox import nursery

    _ = settings.websocket_url, settings.require_token()
    # Beside the imports below, the role's examination and the catalog, which take as long as it does.
    nursery.prepare()
    from agent import collector
    from agent.client import Client
    from agent.database import Database
    from agent.health import Health
    from agent.policy_file import PolicyFile
    from agent.role import RoleWatch, acceptable
    from agent.runtime import Runtime

    accepted = acceptable(settings.accept_dangers)
    policy_file = PolicyFile(settings.policy)
    health = Health(settings.health_file)
    limits = policy_file.current.limits
    async with Database(settings.require_dsn(), size=limits.concurrent + 1) as database:
        role = RoleWatch(database, accept=accepted)
        runtime = Runtime(
            database, policy_file, role=role, casebook=casebook, values_seconds=settings.values_seconds
        )
        try:
            await role.start(runtime.policy)
        except DatabaseUnavailable as error:
            _log.warning("role not examined yet", extra={"reason": str(error)})
        await runtime.start()
        client = Client(settings, runtime, on_state=health.attached)
        serving = asyncio.create_task(client.run())
        beside: list[asyncio.Task[None]] = [
            asyncio.create_task(health.beat()),
            asyncio.create_task(runtime.watch_policy()),
            asyncio.create_task(runtime.watch_role()),
            asyncio.create_task(runtime.watch_values()),
        ]
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stopping.set)
        stopped: asyncio.Task[None] = asyncio.create_task(_happened(stopping))
        collector.spare()
        _log.info("agent starts", extra={"version": __version__, "policy": runtime.policy.digest})
        try:
            await asyncio.wait({serving, stopped, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for task in beside:
                if task.done():
                    task.result()
            if stopping.is_set() and not serving.done():
                _log.info("agent stops")
                await client.stop()
                serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
        finally:
            for task in (serving, stopped, *beside):
                task.cancel()
            await asyncio.gather(serving, stopped, *beside, return_exceptions=True)
            await runtime.close()
            health.remove()
    return 0


async def _happened(event: asyncio.Event) -> None:
    await event.wait()


def _join(arguments: argparse.Namespace) -> int:
    from agent.join import Check, join

    settings = load_settings(token_file=arguments.token_file)
    # What is named and cannot be read is said before the code is spent.
    dsn = settings.find_dsn()

    def report(check: Check) -> None:
        if arguments.json:
            line = {"check": check.name, "ok": check.ok, "detail": check.detail, "hint": check.hint}
            print(json.dumps(line), flush=True)
            return
        print(f"{'✓' if check.ok else '✗'} {check.name:<10} {check.detail}", flush=True)
        if check.hint and not check.ok:
            print(f"  {check.hint}", file=sys.stderr, flush=True)

    good = asyncio.run(
        join(
            arguments.server,
            arguments.code,
            token_file=arguments.token_file or settings.token_file or identity_file(),
            dsn=dsn,
            name=arguments.name,
            plaintext_hosts=settings.plaintext_hosts,
            report=report,
        )
    )
    return 0 if good else EXIT_FAILED


def _health(_: argparse.Namespace) -> int:
    from agent.health import read_health

    healthy, sentence = read_health(load_settings().health_file)
    print(sentence)
    return 0 if healthy else EXIT_FAILED


def _complain(error: CustardError) -> None:
    print(f"custard-agent: {redact(str(error))}", file=sys.stderr)
    if error.hint:
        print(f"  {redact(error.hint)}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
