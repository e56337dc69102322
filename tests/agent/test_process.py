"""What the agent's process, and those that judge for it, do to the network: the kernel's own account."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.patience import HANG_SECONDS
from wire.messages import Cancel, End, Execute, Introspect

pytestmark = [pytest.mark.system("strace"), pytest.mark.timeout(300)]

_CONNECT = re.compile(r"connect\(\d+, \{sa_family=(\w+)(.*?)\}, \d+\)")
_PORT = re.compile(r'sin6?_port=htons\((\d+)\).*?"([^"]+)"')


@pytest.fixture
async def traced(backend: Any, place: Any, tmp_path: Path) -> AsyncIterator[tuple[Any, Path]]:
    """A running agent, every child of it included, and the file in which its calls are written down."""
    log, policy = tmp_path / "calls", tmp_path / "policy.toml"
    policy.write_text('version = 1\nname = "traced"\ndefault = "allow"\n')
    child = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-qq", "-e", "trace=connect,bind,listen,sendto,sendmsg", "-o", str(log)),
        *(sys.executable, "-m", "agent", "run"),
        env={
            **os.environ,
            "CUSTARD_AGENT_SERVER": backend.url,
            "CUSTARD_AGENT_TOKEN": "right",
            "CUSTARD_AGENT_DSN": place.dsn,
            "CUSTARD_AGENT_POLICY": str(policy),
            "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
        },
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    yield child, log
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


async def test_it_speaks_to_the_backend_and_the_database_and_to_nobody_else(
    traced: tuple[Any, Path], backend: Any, place: Any, statement_id: Any, until: Any
) -> None:
    child, log = traced
    peer = await backend.peer()
    await peer.tell(Introspect(request_id="r"))
    for sql in (
        "SELECT count(*) FROM people",
        "SELECT * FROM pg_read_file('/etc/passwd')",
        "((",
        "SELECT 1/0",
    ):
        sid = statement_id()
        await peer.tell(Execute(statement_id=sid, sql=sql))
        _, ended = await peer.result(sid)
        if sql.startswith("SELECT count"):
            assert isinstance(ended, End), ended
    sid = statement_id()
    await peer.tell(
        Execute(statement_id=sid, sql="SELECT count(*) FROM people a, people b, people c, people d")
    )
    await peer.tell(Cancel(statement_id=sid))
    await peer.result(sid)
    await peer.socket.close(4403, "revoked")
    await asyncio.wait_for(child.wait(), HANG_SECONDS)
    text = log.read_text(errors="replace")
    assert "listen(" not in text, "it listens on nothing"
    database = psycopg.conninfo.conninfo_to_dict(place.dsn)
    allowed = {(str(backend.port), "127.0.0.1"), (str(database["port"]), "127.0.0.1")}
    reached = set()
    for family, rest in _CONNECT.findall(text):
        found = _PORT.search(rest)
        if family == "AF_UNIX":
            assert "/nscd/" in rest or "/systemd/" in rest, f"a socket of this machine: {rest}"
        elif family in ("AF_INET", "AF_INET6"):
            assert found is not None, rest
            reached.add((found[1], found[2]))
        else:
            assert family == "AF_UNSPEC", rest
    assert reached == allowed
    assert not re.search(r"sendto\(\d+, .*sin_port", text), "and sends nothing to anybody unconnected"
