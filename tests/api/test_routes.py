"""Connections, schema, threads, results and status over HTTP."""

import asyncio
import csv
import io
import json
import sys
import threading
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from wire.messages import Execute
from wire.outcome import ResultColumn
from wire.policy import Share
from wire.snapshot import Column, Table


def test_a_connection_from_birth_to_end(client: TestClient) -> None:
    made = client.post("/api/v1", json={"name": " Billing ", "instructions": "Amounts are in EUR."})
    body = made.json()
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/connections/{body['connection_id']}"
    assert body["name"] == "Billing"
    assert body["join_command"] == f"custard agent join http://localhost {body['join_code']}"
    path = made.headers["location"]
    changed = client.patch(path, json={"description": "All invoices"}).json()
    assert (changed["name"], changed["description"], changed["instructions"]) == (
        "Billing",
        "All invoices",
        "Amounts are in EUR.",
    )
    assert changed["agent"]["status"] == "waiting"
    assert changed["tables"] is None
    assert client.get("/api/v1/connections").json()["connections"] == [changed]
    assert client.get(f"{path}/suggestions").json() == {"questions": []}
    assert client.get(f"{path}/schema").json()["code"] == "no_snapshot"
    assert client.post(f"/api/v1/{body['connection_id']}/refresh-schema").json()["code"] == "agent_offline"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_both_addresses_create_a_connection(client: TestClient) -> None:
    codes = [client.post(path, json={"name": "x"}).status_code for path in ("/api/v1", "/api/v1/connections")]
    assert codes == [201, 201]


async def test_nothing_is_kept_of_a_draft_that_was_not_chosen(
    backend: Any, script: Any, monkeypatch: Any
) -> None:
    """The run does not tell of it, so whoever deletes the run could not drop it."""
    connection = await backend.connection()
    agent = await backend.agent(connection)
    events = script._events

    async def with_another_draft(ports: Any, run_id: str) -> Any:
        await ports.database.execute("SELECT 1", run_id=run_id, attempt=1_000)
        async for event in events(ports, run_id):
            yield event

    monkeypatch.setattr(script, "_events", with_another_draft)
    run = await backend.ask(connection)
    assert len([message for message in agent.heard if isinstance(message, Execute)]) == 2
    (told,) = [attempt["outcome"]["result_ref"] for attempt in run["attempts"]]
    folder = backend.state.results.folder
    await backend.eventually(lambda: [path.stem for path in folder.glob("res_*")] == [told])
    assert (await backend.http.delete(f"/api/v1/threads/{run['thread_id']}")).status_code == 204
    await backend.eventually(lambda: not list(folder.glob("res_*")))
    await agent.leave()


async def test_large_snapshots_are_looked_through_beside_the_event_loop(
    backend: Any, fake_agent: Any, monkeypatch: Any
) -> None:
    """Ten thousand tables take seconds, in which nobody else would be served."""
    threads: dict[str, int] = {}

    def watched(module: str, name: str) -> None:
        work = getattr(sys.modules[module], name)

        def watch(*given: Any) -> Any:
            threads[name] = threading.get_ident()
            return work(*given)

        monkeypatch.setattr(f"{module}.{name}", watch)

    for name in ("suggest", "without_samples", "excerpt"):
        watched("api.routes.connections", name)
    for name in ("compare", "merged"):
        watched("api.catalog", name)
    connection = await backend.connection()
    agent = fake_agent(backend.socket_url, await backend.join(connection))
    await agent.attach(share=Share(screen="schema"))
    await backend.eventually(lambda: backend.state.gateway.session(connection) is not None)
    assert (await backend.http.post(f"/api/v1/{connection}/refresh-schema")).status_code == 200
    assert (await backend.get(f"/api/v1/connections/{connection}/suggestions"))["questions"]
    assert (await backend.get(f"/api/v1/connections/{connection}/schema"))["tables"]
    assert threads.keys() == {"suggest", "without_samples", "excerpt", "compare", "merged"}
    assert threading.get_ident() not in threads.values()
    await agent.leave()


async def test_refreshing_tells_what_changed(backend: Any, snapshot: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)

    async def known() -> bool:
        return (await backend.get(f"/api/v1/connections/{connection}"))["tables"] == 3

    await backend.eventually(known)
    refresh = f"/api/v1/{connection}/refresh-schema"
    same = (await backend.http.post(refresh)).json()
    assert (same["tables"], same["changed"], same["added"], same["removed"]) == (3, [], [], [])
    departments, employees, orders = agent.snapshot.tables
    wider = departments.model_copy(update={"comment": "Cost centres"})
    renamed = orders.model_copy(update={"name": "purchases"})
    agent.snapshot = snapshot(tables=[wider, employees, renamed])
    change = (await backend.http.post(refresh)).json()
    assert change["changed"] == ["people.departments"]
    assert change["added"] == ["sales.purchases"]
    assert change["removed"] == ["sales.orders"]
    schema = await backend.get(f"/api/v1/connections/{connection}/schema")
    assert schema["fingerprint"] == change["fingerprint"] == agent.snapshot.fingerprint
    assert [table["name"] for table in schema["tables"]] == ["departments", "employees", "purchases"]
    questions = (await backend.get(f"/api/v1/connections/{connection}/suggestions"))["questions"]
    assert 3 <= len(questions) == len(set(questions)) <= 6
    await agent.leave()


async def test_a_thread_can_be_renamed_listed_and_deleted(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection, question="How many " + "very " * 40 + "old ones?")
    path = f"/api/v1/threads/{run['thread_id']}"
    assert len((await backend.get(path))["title"]) <= 80
    assert (await backend.http.patch(path, json={"title": "Old ones"})).json()["title"] == "Old ones"
    (listed,) = (await backend.get(f"/api/v1/threads?connection_id={connection}"))["threads"]
    assert listed["title"] == "Old ones"
    (summary,) = (await backend.get(f"/api/v1/runs?thread_id={run['thread_id']}&status=succeeded"))["runs"]
    assert summary["run_id"] == run["run_id"]
    assert (await backend.get("/api/v1/runs?status=failed"))["runs"] == []
    second = await backend.ask(connection, thread_id=run["thread_id"])
    latest = await backend.get(f"{path}?limit=1")
    assert [one["run_id"] for one in latest["runs"]] == [latest["next"]] == [second["run_id"]]
    first = await backend.get(f"{path}?limit=1&before={latest['next']}")
    assert (first["runs"], first["next"]) == ([run], None)
    assert (await backend.get(path))["runs"] == [run, second]
    assert (await backend.http.get(f"{path}?limit=201")).status_code == 422
    kept = backend.state.results.folder
    assert len(list(kept.glob("*.rows"))) == 2
    assert (await backend.http.delete(path)).status_code == 204
    assert (await backend.http.get(path)).status_code == 404
    assert (await backend.http.get(f"/api/v1/runs/{run['run_id']}")).status_code == 404
    assert list(kept.glob("*.rows")) == []
    await agent.leave()


async def test_a_thread_of_another_connection_does_not_fit(backend: Any) -> None:
    one, two = await backend.connection(), await backend.connection()
    agents = [await backend.agent(one), await backend.agent(two)]
    run = await backend.ask(one)
    ask = {"connection_id": two, "question": "And here?", "thread_id": run["thread_id"]}
    answer = await backend.http.post("/api/v1/query", json=ask)
    assert (answer.status_code, answer.json()["code"]) == (409, "thread_elsewhere")
    unknown = await backend.http.post("/api/v1/query", json={**ask, "thread_id": "thr_x"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_thread")
    for agent in agents:
        await agent.leave()


async def test_the_same_key_starts_one_run(backend: Any, script: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    asks = (backend.ask(connection, idempotency_key="k1") for _ in range(4))
    runs = await asyncio.gather(*asks)
    assert len({run["run_id"] for run in runs}) == 1
    assert len(script.calls) == 1
    await agent.leave()
    # Found again although nobody could answer it now.
    assert (await backend.ask(connection, idempotency_key="k1"))["run_id"] == runs[0]["run_id"]
    body = {"connection_id": connection, "question": "Something else?", "idempotency_key": "k1"}
    other = await backend.http.post("/api/v1/query", json=body)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_whole_result_can_be_fetched(backend: Any, result: Any) -> None:
    columns = [
        ResultColumn(name="id", type="bigint", oid=20),
        ResultColumn(name="note", type="text", oid=25),
        ResultColumn(name="ok", type="boolean", oid=16),
    ]
    notes: list[str | None] = ["plain", "=1+1", 'a "quoted", one', None, "", "-5", "@sum", "ümlaut\nline"]
    rows = [[str(n), notes[n % len(notes)], "t"] for n in range(120)]
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(columns=columns, batches=[rows[:70], rows[70:]]))
    run = await backend.ask(connection)
    assert (run["answer"]["row_count"], len(run["answer"]["rows"])) == (120, 50)
    path = f"/api/v1/runs/{run['run_id']}/result"
    document = await backend.get(path)
    assert document["rows"] == [[int(row[0]), row[1], True] for row in rows]
    assert document["columns"][0] == {"name": "id", "type": "bigint", "oid": 20}
    plain = await backend.http.get(f"{path}?format=csv")
    assert plain.headers["content-disposition"] == f'attachment; filename="{run["run_id"]}.csv"'
    parsed = list(csv.reader(io.StringIO(plain.text, newline="")))
    assert parsed == [["id", "note", "ok"], *[[cell or "" for cell in row] for row in rows]]
    assert '4,"",t' in plain.text
    assert "3,,t" in plain.text
    safe = (await backend.http.get(f"{path}?format=csv&safe=1")).text
    assert "1,'=1+1,t" in safe
    assert "5,-5,t" in safe
    assert "6,'@sum,t" in safe
    assert (await backend.http.get(f"{path}?format=xml")).status_code == 422
    (kept,) = backend.state.results.folder.glob("*.rows")
    kept.write_bytes(kept.read_bytes()[:-9])
    gone = await backend.http.get(path)
    assert (gone.status_code, gone.json()["code"]) == (410, "result_gone")
    await agent.leave()


@pytest.mark.parametrize("format", ["parquet", "arrow"])
async def test_a_result_as_columns(backend: Any, result: Any, format: str) -> None:
    columns = [
        ResultColumn(name="id", type="bigint", oid=20),
        ResultColumn(name="note", type="text", oid=25),
        ResultColumn(name="ok", type="boolean", oid=16),
        ResultColumn(name="day", type="date", oid=1082),
    ]
    rows: list[list[str | None]] = [
        ["1", None, "t", "2026-01-31"],
        ["9007199254740993", "ü", "f", "0044-03-15 BC"],
    ]
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(columns=columns, batches=[rows]))
    run = await backend.ask(connection)
    answer = await backend.http.get(f"/api/v1/runs/{run['run_id']}/result?format={format}")
    assert answer.status_code == 200
    data = pa.BufferReader(answer.content)
    table = pa.parquet.read_table(data) if format == "parquet" else pa.ipc.open_stream(data).read_all()
    assert [str(kind) for kind in table.schema.types] == ["int64", "string", "bool", "string"]
    last = {"id": 9007199254740993, "note": "ü", "ok": False, "day": "0044-03-15 BC"}
    assert table.to_pylist()[1] == last
    await agent.leave()


async def test_formats_that_need_more_say_what(backend: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    answer = await backend.http.get(f"/api/v1/runs/{run['run_id']}/result?format=parquet")
    assert (answer.status_code, answer.json()["code"]) == (501, "format_unavailable")
    assert "pyarrow" in answer.json()["hint"]
    await agent.leave()


async def test_a_run_without_rows_has_no_result(backend: Any, script: Any) -> None:
    script.silent = True
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    answer = await backend.http.get(f"/api/v1/runs/{run['run_id']}/result")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_result")
    await agent.leave()


async def test_results_of_any_size_come_whole(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    for batches in ([], [[]], [[[None]]], [[[str(n)] for n in range(1000)] for _ in range(9)]):
        agent.result = result(batches=batches)
        run = await backend.ask(connection)
        rows = [row for batch in batches for row in batch]
        assert run["answer"]["row_count"] == len(rows)
        document = await backend.get(f"/api/v1/runs/{run['run_id']}/result")
        assert document["rows"] == [[None if row[0] is None else int(row[0])] for row in rows]
    await agent.leave()


def test_status_pages(client: TestClient, settings: Any) -> None:
    assert client.get("/health").json()["status"] == "ok"
    info = client.get("/api/v1/info").json()
    assert (info["auth"], info["model"]["local"]) == ("none", True)
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    checks = ready.json()["checks"]
    assert checks["store"]["ok"]
    assert checks["bus"]["ok"]
    assert not checks["model"]["ok"]
    assert checks["agents"]["detail"] == "0 online"


async def test_metrics_count_runs_statements_and_agents(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    await backend.ask(connection)
    text = (await backend.http.get("/metrics")).text
    assert 'custard_runs_total{status="succeeded"} 1.0' in text
    assert 'custard_statements_total{outcome="rows"} 1.0' in text
    assert "custard_agents_online 1.0" in text
    assert "How many" not in text
    await agent.leave()


def test_the_reference_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "/api/v1/query" in page.text
    assert "//" not in page.text.replace("http://localhost", "")
    assert "<script" not in page.text
    assert "connection_id: string" in page.text


def test_the_openapi_document_holds_the_contract(client: TestClient) -> None:
    made = client.get("/openapi.json").json()
    schemas = made["components"]["schemas"]
    assert set(schemas["RunEvent"]["discriminator"]["mapping"]) == {
        *("run_started", "step_started", "step_finished", "sql_delta", "drafted", "linted", "executing"),
        *("executed", "repaired", "answer_delta", "answered", "refused", "clarified", "run_failed"),
        *("run_cancelled", "run_resumed"),
    }
    stream = made["paths"]["/api/v1/runs/{run_id}/events"]["get"]["responses"]["200"]["content"]
    assert stream == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/RunEvent"}}}
    assert schemas["Run"]["required"] == list(schemas["Run"]["properties"])
    assert schemas["Query"]["required"] == ["connection_id", "question"]
    for reference in set(json.dumps(made).split('"#/components/schemas/')[1:]):
        assert reference.split('"')[0] in schemas
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


@pytest.fixture
def with_frontend(settings: Any, script: Any, model: Any, tmp_path: Any) -> Any:
    from api.app import create_app

    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Custard</title>")
    (folder / "assets" / "app.js").write_text("export {}")
    return create_app(settings.model_copy(update={"frontend_dir": folder}), pipeline=script, model=model)


def test_the_user_interface_is_served_with_its_own_addresses(with_frontend: Any) -> None:
    page = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with TestClient(with_frontend, base_url="http://localhost") as client:
        for path in ("/", "/start", "/t/thr_01abc"):
            answer = client.get(path, headers=page)
            assert (answer.status_code, "Custard" in answer.text) == (200, True), path
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert client.get("/assets/app.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/assets/none.js").status_code == 404
        missing = client.get("/api/v1/nothing", headers={"Accept": "application/json"})
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_a_schema_can_be_looked_through_in_parts(backend: Any, snapshot: Any) -> None:
    tables = [
        Table(
            schema_name="bench",
            name=f"orders_{number}",
            comment="Ümlaut" if number == 7 else "",
            columns=[Column(name="id", type="integer"), Column(name=f"only_{number}", type="text")],
        )
        for number in range(3000)
    ]
    connection = await backend.connection()
    agent = await backend.agent(connection, snapshot=snapshot(tables=tables))
    path = f"/api/v1/connections/{connection}/schema"

    async def told() -> bool:
        return bool((await backend.http.get(path)).status_code == 200)

    await backend.eventually(told)
    whole = await backend.get(path)
    assert (len(whole["tables"]), whole["total"]) == (3000, 3000)
    assert whole["fingerprint"] == snapshot(tables=tables).fingerprint
    part = await backend.get(f"{path}?search=ORDERS_29&limit=5&offset=100")
    assert part["total"] == 111
    assert [table["name"] for table in part["tables"]] == [f"orders_{number}" for number in range(2989, 2994)]
    assert [table["name"] for table in (await backend.get(f"{path}?search=ümlaut"))["tables"]] == ["orders_7"]
    assert (await backend.get(f"{path}?search=only_42&limit=1"))["tables"][0]["name"] == "orders_42"
    assert (await backend.get(f"{path}?offset=5000"))["tables"] == []
    assert (await backend.http.get(f"{path}?limit=0")).status_code == 422
    await agent.leave()
