"""Cases that lie beside the agent, over the real chain: what is accepted, and every row, stays there.

Between agent and backend stands a proxy that keeps every frame; between runner and backend every answer is
looked at as well.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from agent.casebook import Table, withholding
from agent.client import Client
from agent.database import Database
from agent.policy_file import PolicyFile
from agent.runtime import Runtime
from agent.settings import Settings as AgentSettings
from api.app import create_app
from api.server import bind, make_server
from api.settings import Settings
from evals.__main__ import main
from evals.casebook import CaseFile, result_set
from evals.cases import load_cases
from evals.databases import SuiteServer
from tests.patience import HANG_SECONDS
from wire.messages import SUBPROTOCOL
from wire.outcome import Failed, ResultColumn
from wire.policy import Policy, Share, parse_policy

POLICY = """
default = "allow"
[tables."public.visit"]
row_filter = "visit_id < 3"
[share]
model = "schema"
"""
CANARIES = ("Rex", "50.10", "150.10", "-7130001")
"""Values of rows; the last one is in no row and in an accepted query alone."""
GOLD_WORDS = ("7130001", "weight IS NOT DISTINCT", "gold_only_alias")
CASES: tuple[dict[str, Any], ...] = (
    {
        "id": "names/all",
        "question": "What are the names of all pets?",
        "gold": "SELECT {name, name AS gold_only_alias} FROM pet WHERE coalesce(pet_id, 7130001) <> 7130001",
        "paraphrases": ["List each pet name"],
        "near_miss": ["SELECT name FROM pet WHERE pet_id = 7130001"],
    },
    {
        "id": "wider",
        "question": "What is the weight of each pet?",
        "gold": "SELECT weight FROM pet WHERE weight IS NOT DISTINCT FROM weight",
    },
    {"id": "cost", "question": "What is the total cost of visits?", "gold": "SELECT sum(cost) FROM visit"},
    {"id": "wrong", "question": "How many pets have a species of cat?", "gold": "SELECT 7130001"},
    {"id": "broken", "question": "How many visits are there?", "gold": "SELECT gold_only_alias FROM visit"},
    {"id": "fails", "question": "Which species does each pet have?", "gold": "SELECT species FROM pet"},
    {"id": "none", "question": "Who designed the moon rocket engine?", "answerable": False},
    {"id": "next", "question": "What are the names of all pets?", "gold": "SELECT name FROM pet",
     "history": [{"question": "How many visits are there?", "sql": "SELECT 7130001", "answer": "7130001"}]},
)  # fmt: skip
REPLIES = {
    "moon rocket": "CANNOT_ANSWER: rockets",
    "Which species": "```sql\nSELECT species / 0 FROM pet;\n```",
    "names of all pets": "```sql\nSELECT name FROM pet;\n```",
    "weight of each": "```sql\nSELECT name, weight FROM pet;\n```",
    "total cost": "```sql\nSELECT sum(cost) FROM visit;\n```",
    "species of cat": "```sql\nSELECT count(*) FROM pet WHERE species = 'cat';\n```",
    "How many visits": "```sql\nSELECT count(*) FROM visit;\n```",
}


class Tap:
    """A proxy in front of a backend's socket that keeps what an agent says."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.frames: list[bytes] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async with serve(
            self._pass_on, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=None
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            yield f"http://127.0.0.1:{port}"

    async def _pass_on(self, agent: ServerConnection) -> None:
        assert agent.request is not None
        async with connect(
            self._target,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": agent.request.headers["Authorization"]},
            proxy=None,
            max_size=None,
        ) as backend:

            async def up() -> None:
                async for data in agent:
                    self.frames.append(data.encode() if isinstance(data, str) else data)
                    await backend.send(data)

            async def down() -> None:
                async for data in backend:
                    await agent.send(data)

            ways = [asyncio.create_task(up()), asyncio.create_task(down())]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            with contextlib.suppress(ConnectionClosed):
                await asyncio.gather(*ways, return_exceptions=True)


class Chain:
    """A backend, the tap, and an agent with cases."""

    def __init__(self, url: str, connection: str, tap: Tap, http: httpx2.AsyncClient) -> None:
        self.url, self.connection, self.tap, self.http = url, connection, tap, http


@pytest.fixture
async def chain(
    server: SuiteServer, tmp_path: Path, scripted: Any, write_cases: Callable[..., Path]
) -> AsyncIterator[Callable[..., Awaitable[Chain]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(policy: str = POLICY, cases: bool = True) -> Chain:
            settings = Settings(home=tmp_path / "home", frontend_dir=tmp_path, port=0)
            listener = bind(settings)
            app = create_app(settings, model=scripted(REPLIES))
            backend = make_server(app, settings)
            backend.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            serving = asyncio.create_task(backend._serve([listener]))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"

            async def end() -> None:
                backend.should_exit = True
                await serving
                listener.close()

            stack.push_async_callback(end)
            await _until(lambda: backend.started)
            http = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=HANG_SECONDS))
            made = (await http.post("/api/v1", json={"name": "Pets"})).json()
            joined = await http.post("/api/v1/agents/join", json={"join_code": made["join_code"]})
            tap = Tap(f"ws{url.removeprefix('http')}/ws")
            address = await stack.enter_async_context(tap.open())
            file = tmp_path / "policy.toml"
            file.write_text(policy)
            dsn = server.database("pets").owner_dsn
            database = await stack.enter_async_context(Database(dsn, size=4))
            book = CaseFile("pets.jsonl", load_cases(write_cases(*CASES))) if cases else None
            runtime = Runtime(database, PolicyFile(file), casebook=book)
            await runtime.start()
            client = Client(AgentSettings(server=address, token=SecretStr(joined.json()["token"])), runtime)
            tasks = [asyncio.create_task(client.run()), asyncio.create_task(runtime.watch_values())]

            async def leave() -> None:
                await client.stop(0.1)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await runtime.close()

            stack.push_async_callback(leave)
            connection = made["connection_id"]
            state = app.state.custard
            await _until(lambda: state.gateway.session(connection) is not None)
            return Chain(url, connection, tap, http)

        yield start


async def _until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while not check():  # noqa: ASYNC110 - what is looked at tells nobody when it changes
            await asyncio.sleep(0.02)


async def test_neither_what_is_accepted_nor_a_row_leaves_the_agent(
    chain: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chained = await chain()
    out = tmp_path / "out"
    given = ["run", "--connection", chained.connection, "--backend", chained.url, "--out", str(out)]
    code = await asyncio.to_thread(main, [*given, "--json"])
    told = capsys.readouterr().out
    assert code == 0
    verdicts = {one["id"]: one["verdict"] for one in json.loads(told)["cases"]}
    assert verdicts == {
        "names/all": "correct",
        "wider": "correct",
        "cost": "correct",
        "wrong": "wrong",
        "broken": "unscored",
        "fails": "invalid",
        "none": "correct",
        "next": "correct",
    }
    by_id = {one["id"]: one for one in json.loads(told)["cases"]}
    assert (by_id["names/all"]["exact"], by_id["wider"]["exact"], by_id["wider"]["subset"]) == (
        True,
        False,
        True,
    )
    kinds = {json.loads(frame)["type"] for frame in chained.tap.frames if frame.startswith(b"{")}
    assert {"suite", "verdict", "end", "snapshot"} <= kinds
    sent = b"\n".join(chained.tap.frames).decode(errors="replace")
    kept = b"".join(file.read_bytes() for file in out.iterdir()).decode(errors="replace")
    stored = b"".join(file.read_bytes() for file in (tmp_path / "home").rglob("*") if file.is_file())
    runs = (await chained.http.get("/api/v1/runs")).text
    for text in (sent, kept, told, runs, stored.decode(errors="replace")):
        for word in (*CANARIES, *GOLD_WORDS):
            assert word not in text


async def test_without_cases_the_same_chain_sends_rows(chain: Any) -> None:
    """Else the test before could not fail; and no case is to be had there."""
    chained = await chain(policy='default = "allow"', cases=False)
    question = {"connection_id": chained.connection, "question": "What are the names of all pets?"}
    assert (await chained.http.post("/api/v1/query", json=question)).status_code == 200
    assert b"Rex" in b"\n".join(chained.tap.frames)
    place = f"/api/v1/connections/{chained.connection}/cases"
    answer = await chained.http.get(place)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_cases")


async def test_only_runs_of_the_connection_are_scored(chain: Any) -> None:
    chained = await chain()
    place = f"/api/v1/connections/{chained.connection}/cases"
    listed = (await chained.http.get(place)).json()
    assert (listed["suite"], len(listed["cases"])) == ("pets.jsonl", len(CASES))
    unknown = await chained.http.post(f"{place}/cost/score", json={"run_id": "run_none"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_run")
    query = await chained.http.post(f"{place}/cost/score", json={"sql": "SELECT 1"})
    assert query.status_code == 422
    other = await chained.http.get("/api/v1/connections/conn_none/cases")
    assert (other.status_code, other.json()["code"]) == (404, "unknown_connection")
    question = {"connection_id": chained.connection, "question": "What is the total cost of visits?"}
    run = (await chained.http.post("/api/v1/query", json=question)).json()
    scored = [
        (await chained.http.post(f"{place}/{case}/score", json={"run_id": run["run_id"]})).json()
        for case in ("cost", "wrong", "broken", "none", "no such case")
    ]
    assert [(one["match"], one["problem"]) for one in scored] == [
        ("exact", None),
        ("none", None),
        ("none", "accepted_query_failed"),
        ("none", "no_accepted_query"),
        ("none", "unknown_case"),
    ]
    assert (scored[1]["rows"], scored[1]["accepted_rows"]) == (1, 1)


async def test_rows_that_the_policy_lets_nobody_compare_are_not_compared(write_cases: Any) -> None:
    book = CaseFile("x", load_cases(write_cases(CASES[2])))
    column = ResultColumn(name="sum", type="numeric", oid=1700)

    async def cut(query: str) -> Table | Failed:
        return Table([column], [["1"]], whole=False)

    async def away(query: str) -> Table | Failed:
        return Failed(code="database_unavailable", message="It is away.", retryable=True)

    assert (await book.score("cost", "SELECT 1", cut)).problem == "too_many_rows"
    assert (await book.score("cost", "SELECT 1", away)).problem == "unavailable"


def test_an_agent_with_cases_shares_no_row_and_says_so_in_its_digest() -> None:
    policy = parse_policy('default = "allow"')
    assert policy.digest == Policy(default="allow").digest
    held = withholding(policy)
    assert (held.share.screen, held.share.model) == ("samples", "results")
    assert held.digest != policy.digest
    strict = Policy(share=Share(screen="schema"))
    assert withholding(strict).share.screen == "schema"


def test_texts_become_the_drivers_values() -> None:
    kinds = {
        "int4": 23,
        "numeric": 1700,
        "bool": 16,
        "date": 1082,
        "timestamptz": 1184,
        "enum": 90_001,
        "f": 701,
    }
    row = ["7", "50.10", "t", "infinity", "2024-01-01 10:00:00+00", "sad", None]
    names = [ResultColumn(name=name, type=name, oid=oid) for name, oid in kinds.items()]
    [loaded] = result_set(Table(names, [row])).rows
    assert [type(value).__name__ for value in loaded] == [
        "int",
        "Decimal",
        "bool",
        "str",
        "datetime",
        "str",
        "NoneType",
    ]


def test_the_command_says_what_is_missing(
    write_cases: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("CUSTARD_AGENT_HOME", str(tmp_path / "none"))
    assert main(["agent", "--cases", str(tmp_path / "missing.jsonl")]) == 1
    assert "missing.jsonl" in capsys.readouterr().err
    path = str(write_cases(CASES[2]))
    assert main(["agent", "--cases", path]) == 1
    assert "No backend is named" in capsys.readouterr().err
    assert main(["agent"]) == 2
    assert main(["run", "--connection", "c1", "--suite", "demo"]) == 2
