"""Keys, tenants, hosts and origins: who may ask what, from where."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.errors import BadSettings, UnsafeBind
from api.server import bind
from api.settings import Settings

ACME = "acme-key-0123456789abcdef"
BETA = "beta-key-0123456789abcdef"


@pytest.fixture
def keyed(settings: Settings, script: Any, model: Any) -> FastAPI:
    keys = Settings(**{**settings.model_dump(), "api_keys": f"acme:{ACME}, beta:{BETA}"})
    return create_app(keys, pipeline=script, model=model)


def _as(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def _operations(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path not in ("/health", "/health/ready", "/api/v1/info", "/api/v1/agents/join")
    ]


def test_every_address_asks_for_a_key_but_those_that_say_so(keyed: FastAPI) -> None:
    with TestClient(keyed) as client:
        for key in (None, "wrong-key-0123456789", ACME[:-1], ACME.upper()):
            for method, path in _operations(keyed):
                answer = client.request(method, path.replace("{", "").replace("}", ""), headers=_as(key))
                assert answer.status_code == 401, (method, path)
                assert answer.json()["code"] == "unauthorized"
                assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics").status_code == 401
        for path in ("/health", "/health/ready", "/api/v1/info", "/docs"):
            assert client.get(path).status_code == 200
        assert client.get("/api/v1/info").json()["auth"] == "key"
        assert client.post("/api/v1/agents/join", json={"join_code": "AAAA"}).status_code == 403


def test_another_tenants_things_are_not_there(keyed: FastAPI) -> None:
    with TestClient(keyed) as client:
        mine = client.post("/api/v1", json={"name": "A"}, headers=_as(ACME)).json()["connection_id"]
        assert client.get(f"/api/v1/connections/{mine}", headers=_as(ACME)).status_code == 200
        assert client.get("/api/v1/connections", headers=_as(BETA)).json() == {"connections": []}
        for method, path in _operations(keyed):
            if "{connection_id}" in path:
                address = path.replace("{connection_id}", mine).replace("{agent_id}", "agt_x")
                body = {"POST": {"run_id": "run_x"}, "PATCH": {}}.get(method)
                answer = client.request(method, address, headers=_as(BETA), json=body)
                assert answer.status_code == 404, (method, path)
        ask = {"connection_id": mine, "question": "How many engineers?"}
        assert client.post("/api/v1/query", json=ask, headers=_as(BETA)).status_code == 404
        assert client.post("/api/v1/query", json=ask, headers=_as(ACME)).status_code == 503


async def test_another_tenants_runs_and_threads_are_not_there(settings: Settings, serve_with: Any) -> None:
    keys = Settings(**{**settings.model_dump(), "api_keys": f"acme:{ACME}, beta:{BETA}"})
    async with serve_with(keys) as backend:
        backend.http.headers.update(_as(ACME))
        connection = await backend.connection()
        agent = await backend.agent(connection)
        run = await backend.ask(connection)
        backend.http.headers.update(_as(BETA))
        for path in ("", "/events", "/result"):
            answer = await backend.http.get(f"/api/v1/runs/{run['run_id']}{path}")
            assert answer.status_code == 404
        assert (await backend.http.post(f"/api/v1/runs/{run['run_id']}/cancel")).status_code == 404
        assert (await backend.http.get(f"/api/v1/threads/{run['thread_id']}")).status_code == 404
        assert (await backend.http.delete(f"/api/v1/threads/{run['thread_id']}")).status_code == 404
        assert (await backend.http.get("/api/v1/runs")).json()["runs"] == []
        assert (await backend.http.get("/api/v1/threads")).json()["threads"] == []
        await agent.leave()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "10.0.0.5"]
)
def test_a_rebound_name_is_refused_in_single_user_mode(app: FastAPI, host: str) -> None:
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.get("/api/v1/connections", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_host")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "app.localhost", "127.8.9.1"])
def test_loopback_names_are_ours(app: FastAPI, host: str) -> None:
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/api/v1/connections", headers={"Host": host}).status_code == 200


def test_pages_of_other_sites_change_nothing(client: TestClient) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:9999", "http://[", "", "http://"):
        answer = client.post("/api/v1", json={"name": "x"}, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert (
        client.post("/api/v1", json={"name": "x"}, headers={"Origin": "http://localhost"}).status_code == 201
    )


def test_a_split_user_interface_is_let_in_by_name(settings: Settings, script: Any, model: Any) -> None:
    split = settings.model_copy(update={"cors_origins": ["https://ui.example"]})
    with TestClient(create_app(split, pipeline=script, model=model), base_url="http://localhost") as client:
        origin = {"Origin": "https://ui.example"}
        answer = client.post("/api/v1", json={"name": "x"}, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://ui.example"
        asked = {
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "prefer",
        }
        assert client.options("/api/v1/query", headers=asked | origin).status_code == 200
        assert (
            client.post("/api/v1", json={"name": "x"}, headers={"Origin": "https://e.example"}).status_code
            == 403
        )


def test_other_addresses_are_bound_only_with_keys(settings: Settings) -> None:
    with pytest.raises(UnsafeBind, match="API keys"):
        bind(settings.model_copy(update={"host": "0.0.0.0"}))
    keys = Settings(**{**settings.model_dump(), "api_keys": f"acme:{ACME}", "host": "0.0.0.0"})
    bind(keys).close()


@pytest.mark.parametrize("keys", ["acme", ":x", "acme:short", f"a:{ACME},b:{ACME}"])
def test_keys_that_cannot_be_taken(settings: Settings, keys: str) -> None:
    with pytest.raises(BadSettings):
        _ = Settings(**{**settings.model_dump(), "api_keys": keys}).keys


def test_keys_come_from_a_file_too(settings: Settings, tmp_path: Any) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\nacme:{ACME}\n\n")
    assert settings.model_copy(update={"api_keys_file": path}).keys == {ACME: "acme"}
    with pytest.raises(BadSettings):
        _ = settings.model_copy(update={"api_keys_file": tmp_path / "none"}).keys


async def test_no_secret_is_in_the_store_or_the_logs(
    settings: Settings, serve_with: Any, result: Any, capsys: Any
) -> None:
    loud = Settings(**{**settings.model_dump(), "api_keys": f"acme:{ACME}", "log_level": "debug"})
    async with serve_with(loud) as backend:
        backend.http.headers.update(_as(ACME))
        connection = await backend.connection()
        made = (await backend.http.post(f"/api/v1/connections/{connection}/join-code")).json()
        joined = (
            await backend.http.post("/api/v1/agents/join", json={"join_code": made["join_code"]})
        ).json()
        other = (await backend.http.post(f"/api/v1/connections/{connection}/join-code")).json()
        agent = await backend.agent(connection, joined["token"], result=result(batches=[[["4711081542"]]]))
        await backend.ask(connection, question="How many canaries zwitscher?")
        await agent.leave()
    kept = b"".join(path.read_bytes() for path in settings.home.glob("custard.db*"))
    logged = capsys.readouterr().err
    for secret in (ACME, joined["token"], made["join_code"], other["join_code"]):
        assert secret.encode() not in kept
        assert secret.replace("-", "").encode() not in kept
        assert secret not in logged
    assert "agent online" in logged
    assert "4711081542" not in logged
    assert "zwitscher" not in logged
