"""Policies and grants that change while an agent runs, over a real socket and on real servers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.client import Client
from agent.database import Database
from agent.errors import RoleRefused, SettingsError
from agent.policy_file import PolicyFile
from agent.role import ACCEPTABLE, RoleWatch, acceptable
from agent.runtime import Runtime
from agent.settings import Settings
from wire.frames import RowsFrame
from wire.messages import (
    Accepted,
    End,
    ErrorMessage,
    Execute,
    Hello,
    Introspect,
    Snapshot,
    StatementFailed,
    Tighten,
)
from wire.policy import PolicyStack, parse_policy

POLICY = """
name = "changing"
[tables."public.people"]
deny_columns = ["email"]
[tables."public.tasks"]
[tables."other.notes"]
"""
SLOW = (
    "SELECT count(*) FROM people a, people b, people c, people d"
    " WHERE a.id <= {n} AND a.id + b.id + c.id + d.id < 0"
)
"""Some seconds of work with ``n`` around 30, and nothing in it that a gate would mind."""

Start = Callable[..., Awaitable[Any]]


@pytest.fixture
async def start(place: Any, backend: Any, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts an agent with the real gate; the session that it opens."""
    async with contextlib.AsyncExitStack() as stack:

        async def run(policy: str = POLICY, dsn: str = "", **watch: Any) -> Any:
            path = tmp_path / "policy.toml"
            path.write_text(policy)
            database = await stack.enter_async_context(Database(dsn or place.dsn, size=5))
            role = RoleWatch(database, **watch) if watch else None
            runtime = Runtime(database, PolicyFile(path, watch_seconds=0.05), role=role)
            if role is not None:
                await role.start(runtime.policy)
            await runtime.start()
            client = Client(Settings(server=backend.url, token="right"), runtime)  # type: ignore[arg-type]
            tasks = [
                asyncio.create_task(one)
                for one in (client.run(), runtime.watch_policy(), runtime.watch_role())
            ]

            async def end() -> None:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await runtime.close()

            stack.push_async_callback(end)
            return await backend.peer()

        yield run


@pytest.fixture
def ask(statement_id: Any) -> Callable[..., Awaitable[tuple[list[RowsFrame], Any]]]:
    """Runs a statement and waits for its end."""

    async def run(peer: Any, sql: str) -> tuple[list[RowsFrame], Any]:
        sid = statement_id()
        await peer.tell(Execute(statement_id=sid, sql=sql))
        frames, ending = await peer.result(sid)
        return frames, ending

    return run


async def test_what_runs_ends_under_the_policy_it_began_with(
    start: Start, ask: Any, statement_id: Any, tmp_path: Path, until_sleeping: Any
) -> None:
    peer = await start()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql=SLOW.format(n=40)))
    await peer.next(Accepted)
    await until_sleeping()  # It has been judged: being accepted comes before that.
    (tmp_path / "policy.toml").write_text(POLICY + "[limits]\nrows = 7\n")
    # The new policy is in force when hello comes; the statement may end before or after.
    told = [await peer.next(Hello, End, StatementFailed) for _ in range(2)]
    [ending] = [message for message in told if not isinstance(message, Hello)]
    assert isinstance(ending, End), ending
    assert ending.policy_digest == peer.hello.policy_digest
    _, ending = await ask(peer, "SELECT id FROM people")
    assert (ending.rows, ending.truncated) == (7, "rows")
    assert ending.policy_digest == parse_policy(POLICY + "[limits]\nrows = 7\n").digest


@pytest.mark.parametrize(
    "becomes",
    [
        POLICY.replace('[tables."public.people"]', '[tables."public.people"]\nallow = false'),
        POLICY.replace('"email"', '"email", "id"'),
        POLICY + '[tables."public.people".masks]\nid = { kind = "null" }\n',
        POLICY.replace('["email"]', '["email"]\nrow_filter = "id < 5"'),
        POLICY + '[share]\nscreen = "schema"\n',
    ],
    ids=["table", "column", "mask", "filter", "share"],
)
async def test_what_the_new_policy_would_not_run_so_is_stopped(
    start: Start, statement_id: Any, tmp_path: Path, becomes: str, until_sleeping: Any
) -> None:
    peer = await start()
    sid = statement_id()
    await peer.tell(Execute(statement_id=sid, sql=SLOW.format(n=100)))
    await peer.next(Accepted)
    await until_sleeping()  # It has been judged: being accepted comes before that.
    (tmp_path / "policy.toml").write_text(becomes)
    frames, ending = await peer.result(sid)
    assert isinstance(ending, StatementFailed), ending
    assert (ending.failure.code, ending.failure.retryable) == ("policy", True)
    assert frames == []


async def test_a_name_that_does_not_exist_is_told_and_the_rest_works(
    start: Start, ask: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "agent.runtime"):
        peer = await start(POLICY + '[tables."public.peple"]\nallow = true\n')
        _, ending = await ask(peer, "SELECT count(*) FROM people")
    assert isinstance(ending, End)
    ours = [record for record in caplog.records if record.name == "agent.runtime"]
    reasons = [record.__dict__.get("reason", "") for record in ours]
    told = 'tables."public.peple": There is no table public.peple. Is public.people '
    assert [reason.startswith(told) for reason in reasons] == [True]
    _, ending = await ask(peer, "SELECT * FROM peple")
    assert ending.failure.code == "policy"


async def test_the_backend_tightens_from_the_first_statement_on(start: Start, ask: Any, backend: Any) -> None:
    backend.policy = {"default": "allow", "tables": {"public.tasks": {"allow": False}}}
    peer = await start()
    _, ending = await ask(peer, "SELECT count(*) FROM tasks")
    assert ending.failure.code == "policy"
    _, ending = await ask(peer, "SELECT count(*) FROM people")
    stack = PolicyStack(owner=parse_policy(POLICY), tighteners=(parse_policy(DENIES_TASKS),))
    assert ending.policy_digest == stack.digest
    await peer.tell(Introspect(request_id="a"))
    shown = (await peer.next(Snapshot)).snapshot
    assert {table.qualified_name for table in shown.tables} == {"public.people", "other.notes"}


DENIES_TASKS = 'default = "allow"\n[tables."public.tasks"]\nallow = false\n'


async def test_the_backend_tightens_later_and_takes_it_back(start: Start, ask: Any) -> None:
    peer = await start()
    tight = {
        "default": "allow",
        "tables": {
            "public.people": {"row_filter": "id <= 3", "masks": {"name": {"kind": "constant", "value": "x"}}}
        },
        "limits": {"rows": 2},
    }
    await peer.tell(Tighten(policy=tight))
    hello = await peer.next(Hello)
    frames, ending = await ask(peer, "SELECT id, name FROM people ORDER BY id")
    assert (ending.rows, ending.truncated) == (2, "rows")
    assert frames[0].rows() == [["1", "x"], ["2", "x"]]
    assert hello.policy_digest == ending.policy_digest
    assert (hello.limits.rows, hello.policy_name) == (2, "changing")
    await peer.tell(Tighten())
    _, ending = await ask(peer, "SELECT id FROM people")
    assert ending.rows == 100
    assert ending.policy_digest == peer.hello.policy_digest


async def test_the_backend_cannot_loosen(start: Start, ask: Any) -> None:
    peer = await start()
    wide = {
        "default": "allow",
        "schemas": {"public": {"allow": True}},
        "tables": {"public.people": {"allow": True}, "public.secrets": {"allow": True}},
        "functions": {"allow": ["pg_sleep"]},
        "limits": {"rows": 1_000_000, "statement_seconds": 3600},
        "share": {"trace": "results"},
    }
    await peer.tell(Tighten(policy=wide))
    hello = await peer.next(Hello)
    for sql in ("SELECT email FROM people", "SELECT * FROM secrets", "SELECT pg_sleep(1)"):
        _, ending = await ask(peer, sql)
        assert ending.failure.code == "policy", sql
    assert hello.limits == peer.hello.limits
    assert hello.share == peer.hello.share


async def test_a_policy_that_cannot_be_read_lets_nothing_through(start: Start, ask: Any) -> None:
    peer = await start()
    await peer.tell(Tighten(policy={"default": "allow", "a_key_of_tomorrow": 1}))
    error = await peer.next(ErrorMessage)
    assert error.code == "bad_policy"
    assert "a_key_of_tomorrow" in error.message
    _, ending = await ask(peer, "SELECT id FROM people")
    assert ending.failure.code == "policy"
    await peer.tell(Tighten())
    _, ending = await ask(peer, "SELECT id FROM people")
    assert isinstance(ending, End)


async def test_a_screen_without_results_gets_columns_and_a_count(start: Start, ask: Any) -> None:
    peer = await start(POLICY + '[share]\nscreen = "samples"\nmodel = "results"\ntrace = "results"\n')
    frames, ending = await ask(peer, "SELECT id, name FROM people")
    assert frames == []
    assert (ending.rows, ending.bytes, ending.withheld) == (0, 0, 100)


@pytest.fixture
def lent(place: Any) -> Any:
    """A role that may read what the policy permits, and a way to grant it more."""
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS lent")
        owner.execute("CREATE ROLE lent LOGIN PASSWORD 'lent' NOINHERIT")
        owner.execute("GRANT USAGE ON SCHEMA public, other TO lent")
        owner.execute("GRANT SELECT (id, name, mood, born, pay) ON people TO lent")
        owner.execute("GRANT SELECT ON tasks, other.notes TO lent")
        yield owner, place.server.dsn("work", user="lent", password="lent")
        owner.execute("DROP OWNED BY lent")
        owner.execute("DROP ROLE lent")


async def test_a_role_that_becomes_dangerous_is_refused_until_it_is_cured(
    start: Start, ask: Any, lent: Any
) -> None:
    owner, dsn = lent
    peer = await start(dsn=dsn, seconds=0.1)
    _, ending = await ask(peer, "SELECT count(*) FROM people")
    assert isinstance(ending, End)
    owner.execute("GRANT INSERT ON people TO lent")
    failure = await refused(ask, peer)
    assert (failure.code, failure.layer) == ("policy", "role")
    assert "lent has INSERT on public.people." in failure.message
    assert 'REVOKE INSERT ON "public"."people" FROM "lent"' in failure.hint
    owner.execute("REVOKE INSERT ON people FROM lent")
    for _ in range(100):
        _, ending = await ask(peer, "SELECT count(*) FROM people")
        if isinstance(ending, End):
            break
        await asyncio.sleep(0.1)
    assert isinstance(ending, End)


async def test_a_refusal_names_nothing_that_the_policy_does_not_show(
    start: Start, ask: Any, lent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    owner, dsn = lent
    peer = await start(dsn=dsn, seconds=0.1)
    owner.execute("GRANT SELECT ON secrets TO lent")
    failure = await refused(ask, peer)
    assert "secrets" not in failure.model_dump_json()
    assert any("secrets" in record.__dict__.get("what", "") for record in caplog.records)


async def refused(ask: Any, peer: Any) -> Any:
    """The failure with which a statement is refused; asks until one is."""
    for _ in range(100):
        _, ending = await ask(peer, "SELECT count(*) FROM people")
        if isinstance(ending, StatementFailed):
            return ending.failure
        await asyncio.sleep(0.1)
    pytest.fail("every statement ran")


async def test_a_stricter_file_is_not_held_against_the_role(
    start: Start, ask: Any, lent: Any, tmp_path: Path
) -> None:
    _, dsn = lent
    peer = await start(dsn=dsn, seconds=0.1)
    (tmp_path / "policy.toml").write_text(POLICY.replace('"email"', '"email", "pay"'))
    await peer.next(Hello)
    await asyncio.sleep(0.5)
    _, ending = await ask(peer, "SELECT count(*) FROM people")
    assert isinstance(ending, End), ending
    _, ending = await ask(peer, "SELECT pay FROM people")
    assert ending.failure.layer == "policy"


@pytest.mark.parametrize("tight", [{"default": "deny"}, None])
async def test_what_the_backend_tightens_is_not_held_against_the_role(
    start: Start, ask: Any, lent: Any, tight: dict[str, Any] | None
) -> None:
    owner, dsn = lent
    peer = await start(dsn=dsn, seconds=0.1)
    await peer.tell(Tighten(policy=tight))
    owner.execute("GRANT SELECT (id) ON people TO lent")
    await asyncio.sleep(0.5)
    _, ending = await ask(peer, "SELECT count(*) FROM people")
    assert getattr(ending, "failure", None) is None or ending.failure.layer == "policy"


async def test_a_dangerous_role_does_not_start(place: Any, lent: Any) -> None:
    owner, dsn = lent
    policy = PolicyStack(owner=parse_policy(POLICY))
    async with Database(place.owner, size=1) as database:
        with pytest.raises(RoleRefused, match="superuser"):
            await RoleWatch(database, accept=ACCEPTABLE).start(policy)
    owner.execute("GRANT DELETE ON tasks TO lent")
    owner.execute("GRANT SELECT ON secrets TO lent")
    async with Database(dsn, size=1) as database:
        with pytest.raises(RoleRefused) as refusal:
            await RoleWatch(database).start(policy)
        said = str(refusal.value)
        assert "lent has DELETE on public.tasks" in said
        assert 'REVOKE DELETE ON "public"."tasks"' in said
        assert "public.secrets" in said
        with pytest.raises(RoleRefused) as refusal:
            await RoleWatch(database, accept=acceptable(["sees_more"])).start(policy)
        assert "secrets" not in str(refusal.value)
        owner.execute("REVOKE DELETE ON tasks FROM lent")
        await RoleWatch(database, accept=acceptable(["sees_more"])).start(policy)


@pytest.mark.parametrize("codes", [["superuser"], ["writes", "sees_more"], ["nonsense"]])
def test_what_breaks_a_wall_cannot_be_accepted(codes: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"cannot be accepted"):
        acceptable(codes)


async def test_until_the_role_was_examined_nothing_runs() -> None:
    async with Database("host=127.0.0.1 port=1 connect_timeout=1", size=1, checkout_seconds=0.5) as database:
        refusal = RoleWatch(database).refusal(())
    assert refusal is not None
    assert (refusal.code, refusal.retryable) == ("database_unavailable", True)
