"""No piece of a connection string leaves the agent, however it was written."""

import asyncio
import os
import sys
import traceback
from typing import Any

import psycopg
import pytest

from agent.conninfo import CONNECT_SECONDS, CONNECT_SECONDS_EACH, checked, connect_seconds, reason_of
from agent.database import Database, ping
from agent.errors import SettingsError
from agent.join import role_is_modest

MALFORMED = [
    "postgresql://u:50%off-hunter2@h/d",
    "host=h password=my hunter2",
    "postgres:/u:hunter2@h/d",
    "postgresql://u:pa@hunter2@127.0.0.1/d",
    "postgresql://u:hunter2/x@127.0.0.1/d",
]


@pytest.mark.parametrize("dsn", MALFORMED)
async def test_nothing_is_made_of_one_that_cannot_be_read(dsn: str) -> None:
    async def made() -> None:
        Database(dsn)

    for use in (made(), ping(dsn), role_is_modest(dsn)):
        with pytest.raises(SettingsError, match="cannot be parsed") as caught:
            await use
        assert "hunter2" not in "".join(traceback.format_exception(caught.value)).replace(dsn, "")
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_host_among_several_is_waited_for_less_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connect_seconds("host=a dbname=d") == connect_seconds("") == CONNECT_SECONDS
    for several in ("host=a,b", "postgresql://u@a:5432,b:5433/d", "hostaddr=10.0.0.1,10.0.0.2 host=a,a"):
        assert connect_seconds(several) == CONNECT_SECONDS_EACH
    monkeypatch.setenv("PGHOST", "a,b")
    assert connect_seconds("dbname=d") == CONNECT_SECONDS_EACH


@pytest.mark.parametrize("dsn", MALFORMED)
@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["join", "http://127.0.0.1:1", "CODE"],
        ["doctor"],
        ["grants"],
        ["check", "--statements", os.devnull],
        ["policy", "show"],
    ],
)
async def test_no_command_says_a_piece_of_it(arguments: list[str], dsn: str, tmp_path: Any) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "deny"\n')
    named = ["--policy", str(policy)] if arguments[0] in ("run", "doctor", "grants", "check") else []
    environment = {
        **os.environ,
        "CUSTARD_AGENT_DSN": dsn,
        "CUSTARD_AGENT_SERVER": "http://127.0.0.1:1",
        "CUSTARD_AGENT_TOKEN": "cst_agent_right",
        "CUSTARD_AGENT_LOG_LEVEL": "debug",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "agent", *arguments, *named),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await child.communicate()
    assert child.returncode == 2, errors
    assert b"hunter2" not in output + errors
    assert b"Traceback" not in errors


def test_what_the_driver_says_of_its_own_is_not_passed_on() -> None:
    assert "hunter2" not in reason_of(psycopg.ProgrammingError('missing "=" after "hunter2"'))
    assert reason_of(psycopg.OperationalError("connection refused\nmore")) == "connection refused"
    assert reason_of(psycopg.OperationalError("postgresql://u:hunter2@h refused")).count("hunter2") == 0
    assert reason_of(TimeoutError()) == reason_of(None) == "no answer"


def test_one_that_can_be_read_is_left_as_it_is(place: Any) -> None:
    assert checked(place.dsn) == place.dsn
