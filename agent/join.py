"""Exchanges a join code for a token, stores it, and checks what the agent will need, one tick a line."""

import asyncio
import errno
import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from agent.conninfo import checked, connect_seconds, reason_of
from agent.database import ping
from agent.errors import AgentError, DatabaseUnavailable, JoinRefused
from agent.redact import redact
from agent.settings import websocket_url

JOIN_PATH = "/api/v1/agents/join"
HTTP_SECONDS = 15.0
MAX_ANSWER_BYTES = 64 * 1024
ROOM_BYTES = 4 * 1024
"""Reserved for the identity, which takes a few hundred."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of what ``join`` found."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def base_url(server: str, plaintext_hosts: list[str] | None = None) -> str:
    """``https://host[/base]`` of a backend, however it was given.

    Raises:
        SettingsError: it is not an address, or would send the code without TLS.
    """
    parts = urlsplit(websocket_url(server, plaintext_hosts))
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix("/ws"), "", ""))


async def join(
    server: str,
    code: str,
    *,
    token_file: Path,
    dsn: str | None,
    name: str = "",
    plaintext_hosts: list[str] | None = None,
    report: Callable[[Check], None],
) -> bool:
    """Enrol this agent; True when every check passed.

    The code is spent only after the network and the server answered and there is a place for the token. That
    is stored (mode 0600) before the database is looked at, so that a database that is away costs no second
    code.

    Args:
        dsn: the database's connection string; None leaves its two checks open.
        report: told each check as it is made.

    Raises:
        SettingsError: ``server`` is not an address.
    """
    base = base_url(server, plaintext_hosts)

    async def check(name: str, hint: str, work: Callable[[], Awaitable[str]]) -> bool:
        try:
            detail = await work()
        except (AgentError, OSError, ValueError) as error:
            report(Check(name, False, redact(str(error)), getattr(error, "hint", "") or hint))
            return False
        report(Check(name, True, detail))
        return True

    async def network() -> str:
        parts = urlsplit(base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        await asyncio.to_thread(_reach, str(parts.hostname), port)
        return f"{parts.hostname}:{port} answers"

    async def backend() -> str:
        answer = await asyncio.to_thread(_fetch, f"{base}/health", None)
        return f"Custard {answer.get('version', '')}".strip()

    async def enrol() -> str:
        body = {"join_code": code.strip(), **({"name": name} if name else {})}
        with _place(token_file) as keep:
            answer = await asyncio.to_thread(_fetch, f"{base}{JOIN_PATH}", body)
            if not isinstance(answer.get("token"), str):
                raise JoinRefused(
                    "The server's answer holds no token.", "Is the address that of a Custard backend?"
                )
            keep(identity_of(answer, websocket_url(server, plaintext_hosts)))
        return f"agent {answer.get('agent_id', '')}, token kept in {token_file}"

    async def postgres() -> str:
        if dsn is None:
            raise DatabaseUnavailable(
                "No database is named yet.",
                "Set CUSTARD_AGENT_DSN_FILE to a file that holds its connection string; then run"
                " custard-agent doctor.",
            )
        version = await ping(dsn)
        return f"PostgreSQL {version // 10_000}.{version % 10_000}"

    async def read_only() -> str:
        if dsn is None:
            raise DatabaseUnavailable("Not looked at: no database is named yet.")
        return await role_is_modest(dsn)

    proxy = "Check DNS, firewall and proxy: the agent needs this one outbound address."
    for name_, hint, work in (
        ("network", proxy, network),
        ("server", "Is the address that of a Custard backend?", backend),
        ("enrolled", "Ask for a new join code: one lasts 15 minutes and works once.", enrol),
    ):
        if not await check(name_, hint, work):
            return False
    reached = await check("postgres", "Check the connection string.", postgres)
    modest = reached and await check("read-only", "Run: custard-agent grants", read_only)
    return reached and modest


async def role_is_modest(dsn: str) -> str:
    """A sentence that says that the role is no superuser and may create nothing.

    This is a first look; ``custard-agent doctor`` looks at everything.

    Raises:
        DatabaseUnavailable: the role may do more than read, or could not be looked at; the message says what.
    """
    try:
        row, owned = await _looked_at(dsn)
    except (psycopg.Error, OSError) as error:
        raise DatabaseUnavailable(f"The role could not be looked at: {reason_of(error)}") from error
    if row is None:
        raise DatabaseUnavailable("The role cannot see itself in pg_roles.")
    role, *powers = row
    names = ("superuser", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
    held = [name for name, has in zip(names, powers, strict=True) if has]
    if owned:
        held.append(f"owner of {owned} relations")
    if held:
        raise DatabaseUnavailable(
            f"The role {role} may do more than read: {', '.join(held)}.",
            "Make one that may only read: custard-agent grants prints the script.",
        )
    return f"role {role} may only read; every statement runs in a read-only transaction"


async def _looked_at(dsn: str) -> tuple[tuple[Any, ...] | None, int]:
    """The role's name and its powers, and how many relations it owns."""
    seconds = connect_seconds(checked(dsn))
    async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=seconds) as conn:
        await conn.set_read_only(True)
        # Whatever the role's default: a hot standby takes nothing that is serializable.
        await conn.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        cursor = await conn.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_catalog.pg_roles WHERE rolname = current_user"
        )
        row = await cursor.fetchone()
        cursor = await conn.execute(
            "SELECT count(*) FROM pg_catalog.pg_class WHERE relowner ="
            " (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)"
        )
        owned = await cursor.fetchone()
    return row, owned[0] if owned else 0


def identity_of(answer: dict[str, Any], url: str) -> dict[str, Any]:
    """What is kept of the backend's answer to a join code."""
    return {
        "agent_id": answer.get("agent_id", ""),
        "connection_id": answer.get("connection_id", ""),
        # The address that the owner typed, not one that an answer names: the token goes nowhere else.
        "websocket_url": url,
        "token": answer["token"],
    }


@contextmanager
def identity_place(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A place for the identity, readable by this user alone; what is yielded puts it there.

    It is made, room on the disk included, before a code is spent on what would then be lost.

    Raises:
        OSError: the folder cannot be made, or the file not written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(" " * ROOM_BYTES)
            file.flush()
            os.fsync(file.fileno())

            def keep(identity: dict[str, Any]) -> None:
                # Into the room that is there already: a full disk has said so before.
                file.seek(0)
                file.write(json.dumps(identity))
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
                draft.replace(path)

            yield keep
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _place(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """As ``identity_place``. Raises ``JoinRefused``, which says whether the code is spent."""
    spent = False

    def noting(identity: dict[str, Any]) -> None:
        nonlocal spent
        spent = True
        keep(identity)

    try:
        with identity_place(path) as keep:
            yield noting
    except OSError as error:
        hint = "Name a file that this user may write with --token-file"
        raise JoinRefused(
            f"The token cannot be kept in {path}: {error.strerror or error}.",
            f"{hint}, and ask for a new code: this one is spent."
            if spent
            else f"{hint}; the code is unspent.",
        ) from error


def _reach(host: str, port: int) -> None:
    if urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return  # the proxy will tell, in the next check
    try:
        socket.create_connection((host, port), timeout=HTTP_SECONDS).close()
    except OSError as error:
        raise JoinRefused(f"{host}:{port} cannot be reached: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A join code is not carried on to an address that the owner did not type."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _fetch(url: str, body: dict[str, Any] | None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 — base_url lets only http(s) pass
        url, data=data, headers={"Content-Type": "application/json", "Accept": "application/json"}
    )
    opener = urllib.request.build_opener(
        _NoRedirect(), urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=HTTP_SECONDS) as response:
            answer = json.loads(response.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise JoinRefused(f"The server cannot be reached: {reason}") from error
    except ValueError as error:
        raise JoinRefused("The server's answer is not Custard's.") from error
    if not isinstance(answer, dict):
        raise JoinRefused("The server's answer is not Custard's.")
    return answer


def _refusal(error: urllib.error.HTTPError) -> JoinRefused:
    try:
        problem = json.loads(error.read(MAX_ANSWER_BYTES))
        detail, hint = str(problem.get("detail") or problem.get("title")), str(problem.get("hint") or "")
    except (OSError, ValueError, AttributeError):
        detail, hint = f"the server answered {error.code}", ""
    return JoinRefused(detail, hint)
