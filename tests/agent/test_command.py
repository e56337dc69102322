"""The command as a process: exit codes, clear lines, and no secret in any of them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from agent.__main__ import build_parser, main
from agent.health import read_health
from tests.patience import HANG_SECONDS
from wire.messages import End, Execute

POLICY = 'name = "of the process"\ndefault = "deny"\n[tables."public.people"]\ndeny_columns = ["email"]\n'


@pytest.fixture
async def start(tmp_path: Any) -> AsyncIterator[Callable[..., Any]]:
    """Starts ``python -m agent``; kills what is left."""
    children: list[asyncio.subprocess.Process] = []
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)

    async def run(*arguments: str, **settings: str) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "CUSTARD_AGENT_POLICY": str(policy),
            # The tests of this folder share one role, which may read more than the policies of each.
            "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
            **{f"CUSTARD_AGENT_{name.upper()}": value for name, value in settings.items()},
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent",
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        children.append(child)
        return child

    yield run
    for child in children:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_it_serves_under_its_policy_and_stops_when_told(
    start: Any, backend: Any, place: Any, statement_id: Any, tmp_path: Any, until: Any
) -> None:
    child = await start("run", server=backend.url, token="right", dsn=place.dsn)
    peer = await backend.peer()
    assert peer.hello.policy_name == "of the process"
    await until(lambda: read_health(tmp_path / "health")[0])
    allowed, denied = statement_id(), statement_id()
    await peer.tell(Execute(statement_id=allowed, sql="SELECT count(*) FROM people"))
    frames, end = await peer.result(allowed)
    assert isinstance(end, End)
    assert frames[0].rows() == [["100"]]
    await peer.tell(Execute(statement_id=denied, sql="SELECT email FROM people"))
    _, failed = await peer.result(denied)
    assert failed.failure.code == "policy"
    child.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(child.communicate(), HANG_SECONDS)
    assert child.returncode == 0, err
    assert peer.socket.close_code == 1001
    assert not (tmp_path / "health").exists()
    assert out == b""
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"agent starts", "attached", "agent stops"} <= {line["event"] for line in lines}
    assert b"read@" not in err
    assert b"password=read" not in err


async def test_a_killed_agent_leaves_nothing_running(
    start: Any, backend: Any, place: Any, statement_id: Any, until: Any
) -> None:
    if place.major < 14:
        pytest.skip("PostgreSQL looks for dead clients from 14 on; before, the statement's timeout ends it")
    child = await start("run", server=backend.url, token="right", dsn=place.dsn)
    peer = await backend.peer()
    sql = "SELECT count(*) FROM people a, people b, people c, people d, people e"
    await peer.tell(Execute(statement_id=statement_id(), sql=sql, run_id="doomed"))

    def running() -> bool:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'custard-agent/doomed'"
            " AND state = 'active'"
        ).fetchone()
        return bool(row and row[0])

    with psycopg.connect(place.owner, autocommit=True) as owner:
        await until(running)
        child.kill()
        await until(lambda: not running())


async def test_a_refused_token_is_one_clear_line(start: Any, backend: Any, place: Any) -> None:
    child = await start("run", server=backend.url, token="cst_agent_wrongwrong", dsn=place.dsn)
    _, err = await asyncio.wait_for(child.communicate(), HANG_SECONDS)
    assert child.returncode == 1
    assert b"does not accept this agent's token" in err
    assert b"Traceback" not in err
    assert b"wrongwrong" not in err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--dsn", "x"], ["run", "--token", "x"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2


def test_missing_settings_are_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert "custard-agent" in capsys.readouterr().err


def test_health_without_an_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health"]) == 1
    assert "No agent runs here" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["grants"], ["doctor"], ["check", "--statements", "-"]])
def test_every_command_takes_the_policy_that_run_takes(command, tmp_path, monkeypatch):
    monkeypatch.delenv("CUSTARD_AGENT_POLICY", raising=False)
    assert build_parser().parse_args(command).policy is None
    monkeypatch.setenv("CUSTARD_AGENT_POLICY", str(tmp_path / "policy.toml"))
    assert build_parser().parse_args(command).policy == tmp_path / "policy.toml"
    other = tmp_path / "other.toml"
    assert build_parser().parse_args([*command, "--policy", str(other)]).policy == other
