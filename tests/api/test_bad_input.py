"""Every bad request ends in a problem document that says what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from embedded.postgres import EmbeddedPostgres, temporary_postgres


def _problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["detail"]
    return body


@pytest.fixture
def connection(client: TestClient) -> str:
    return str(client.post("/api/v1", json={"name": "Demo"}).json()["connection_id"])


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres() as started:
        yield started


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres(18))])
def either(request: pytest.FixtureRequest, settings: Any, script: Any, model: Any) -> Iterator[TestClient]:
    """A backend over either store."""
    if request.param == "postgres":
        started: EmbeddedPostgres = request.getfixturevalue("server")
        settings = settings.model_copy(update={"database_url": SecretStr(started.dsn())})
    app = create_app(settings, pipeline=script, model=model)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_questions_that_cannot_be_taken(client: TestClient, connection: str) -> None:
    for question in (
        "",
        "   \n\t ",
        "x" * 4001,
        "how many\x00?",
        "\x1b[2Jclear",
        "rtl \u202e evil",
        "bell\x07",
    ):
        answer = client.post("/api/v1/query", json={"connection_id": connection, "question": question})
        assert _problem(answer, 422, "bad_question")["hint"]


def test_the_longest_question_with_newlines_is_taken(client: TestClient, connection: str) -> None:
    question = "line\r\nnext\tcolumn\n" + "ü" * 3900
    answer = client.post("/api/v1/query", json={"connection_id": connection, "question": question})
    _problem(answer, 503, "agent_offline")


def test_a_body_of_100_kilobytes_is_too_large(client: TestClient, connection: str) -> None:
    body = {"connection_id": connection, "question": "x" * 100_000}
    _problem(client.post("/api/v1/query", json=body), 413, "body_too_large")

    def chunks() -> Any:
        yield from (b"x" * 1000 for _ in range(100))

    streamed = client.post("/api/v1/query", content=chunks(), headers={"Content-Type": "application/json"})
    _problem(streamed, 413, "body_too_large")


def test_bodies_that_are_no_request(client: TestClient) -> None:
    lone_surrogate = b'{"question": "\\ud800"}'
    for body in (b"{", b"", b"[]", b"null", b'{"question": 5}', lone_surrogate, b"\xff\xfe", b"[" * 30_000):
        answer = client.post("/api/v1/query", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        _problem(answer, answer.status_code, "bad_request")


def test_unknown_fields_and_other_media_are_refused(client: TestClient, connection: str) -> None:
    body = {"connection_id": connection, "question": "How many engineers?", "sql": "DROP TABLE x"}
    assert "sql" in _problem(client.post("/api/v1/query", json=body), 422, "bad_request")["detail"]
    for media in ("text/plain", "application/x-www-form-urlencoded", None):
        headers = {} if media is None else {"Content-Type": media}
        answer = client.post("/api/v1/query", content=b"{}", headers=headers)
        _problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("identifier", ["nope", "' OR 1=1 --", "%00", "ü"])
def test_what_is_not_there(either: TestClient, identifier: str) -> None:
    client = either
    there = client.post("/api/v1", json={"name": "Demo"}).json()["connection_id"]
    for method, path, code in (
        ("GET", "/api/v1/connections/{}", "unknown_connection"),
        ("PATCH", "/api/v1/connections/{}", "unknown_connection"),
        ("DELETE", "/api/v1/connections/{}", "unknown_connection"),
        ("POST", "/api/v1/connections/{}/join-code", "unknown_connection"),
        ("GET", "/api/v1/connections/{}/agents", "unknown_connection"),
        ("DELETE", "/api/v1/connections/{}/agents/agt_x", "unknown_connection"),
        ("GET", "/api/v1/connections/{}/schema", "unknown_connection"),
        ("GET", "/api/v1/connections/{}/suggestions", "unknown_connection"),
        ("POST", "/api/v1/{}/refresh-schema", "unknown_connection"),
        ("GET", "/api/v1/runs/{}", "unknown_run"),
        ("GET", "/api/v1/runs/{}/events", "unknown_run"),
        ("POST", "/api/v1/runs/{}/cancel", "unknown_run"),
        ("GET", "/api/v1/runs/{}/result", "unknown_run"),
        ("DELETE", f"/api/v1/connections/{there}/agents/{{}}", "unknown_agent"),
        ("GET", "/api/v1/runs/{}/exports/exp_x", "unknown_run"),
        ("GET", "/api/v1/threads/{}", "unknown_thread"),
        ("PATCH", "/api/v1/threads/{}", "unknown_thread"),
        ("DELETE", "/api/v1/threads/{}", "unknown_thread"),
    ):
        change = {"title": "x"} if "threads" in path else {}
        answer = client.request(method, path.format(identifier), json=change if method == "PATCH" else None)
        _problem(answer, 404, code)
    for query in (f"connection_id={identifier}", f"thread_id={identifier}"):
        assert client.get(f"/api/v1/runs?{query}").json() == {"runs": [], "next": None}
    assert client.get(f"/api/v1/threads?connection_id={identifier}").json()["threads"] == []
    assert client.get("/api/v1/runs?before=%00").status_code == 200
    assert client.get("/api/v1/threads?before=2026-01-01T00:00:00~%00").status_code == 200


def test_a_character_that_ends_texts_is_taken_nowhere(either: TestClient) -> None:
    """By either store: what one could hold the other could not."""
    connection = either.post("/api/v1", json={"name": "Demo"}).json()["connection_id"]
    code = either.post(f"/api/v1/connections/{connection}/join-code").json()["join_code"]
    asked = {"connection_id": connection, "question": "How many engineers?"}
    for method, path, body in (
        ("POST", "/api/v1", {"name": "a\0b"}),
        ("POST", "/api/v1", {"name": "a", "description": "\0", "instructions": ""}),
        ("PATCH", f"/api/v1/connections/{connection}", {"name": "a\0b"}),
        ("PATCH", f"/api/v1/connections/{connection}", {"instructions": "a\0b"}),
        ("PATCH", "/api/v1/threads/thr_x", {"title": "a\0b"}),
        ("POST", "/api/v1/agents/join", {"join_code": code, "name": "a\0b"}),
        ("POST", "/api/v1/query", {**asked, "idempotency_key": "a\0b"}),
    ):
        answer = either.request(method, path, json=body)
        _problem(answer, 422, "bad_request")
        assert "retry-after" not in answer.headers
    for field, status, told in (
        ("connection_id", 404, "unknown_connection"),
        ("agent_id", 404, "unknown_agent"),
        ("thread_id", 503, "agent_offline"),
    ):
        _problem(either.post("/api/v1/query", json={**asked, field: "\0"}), status, told)


def test_unknown_connection_agent_and_thread_in_a_question(client: TestClient, connection: str) -> None:
    ask = {"connection_id": connection, "question": "How many engineers?"}
    unknown = client.post("/api/v1/query", json={**ask, "connection_id": "conn_x"})
    _problem(unknown, 404, "unknown_connection")
    _problem(client.post("/api/v1/query", json={**ask, "agent_id": "agt_x"}), 404, "unknown_agent")


def test_addresses_and_methods_that_are_not_served(client: TestClient) -> None:
    _problem(client.get("/api/v2/anything"), 404, "not_found")
    answer = client.put("/api/v1/query", json={})
    _problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_pages_and_positions_that_were_not_given_out(client: TestClient) -> None:
    _problem(client.get("/api/v1/threads?before=yesterday"), 422, "bad_cursor")
    for query in ("limit=0", "limit=1000", "status=asleep", "limit=x"):
        _problem(client.get(f"/api/v1/runs?{query}"), 422, "bad_request")


def test_names_of_connections(client: TestClient) -> None:
    for body in (
        {},
        {"name": " "},
        {"name": "x" * 121},
        {"name": 5},
        {"name": "ok", "instructions": "x" * 4001},
    ):
        _problem(client.post("/api/v1", json=body), 422, "bad_request")


def test_join_codes_that_do_not_work_are_not_told_apart_and_cannot_be_tried_for_long(
    client: TestClient, connection: str
) -> None:
    code = client.post(f"/api/v1/connections/{connection}/join-code").json()["join_code"]
    joined = client.post("/api/v1/agents/join", json={"join_code": code.lower().replace("-", " ")})
    assert joined.status_code == 201
    again = _problem(client.post("/api/v1/agents/join", json={"join_code": code}), 403, "bad_join_code")
    wrong = _problem(client.post("/api/v1/agents/join", json={"join_code": "AAAA"}), 403, "bad_join_code")
    assert again == wrong
    for _ in range(20):
        last = client.post("/api/v1/agents/join", json={"join_code": "AAAA"})
    _problem(last, 429, "too_many_requests")
    assert int(last.headers["retry-after"]) > 0


def test_an_error_of_our_own_tells_nothing_of_its_inside(client: TestClient, app: Any, capsys: Any) -> None:
    value = "4711"

    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError(value)

    app.state.custard.store.connections.all = breaks
    answer = client.get("/api/v1/connections")
    _problem(answer, 500, "internal")
    assert "4711" not in answer.text
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert "4711" not in logged
