"""Settings: where they come from, and that no secret is shown."""

from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import load_settings, websocket_url


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("https://custard.example", "wss://custard.example/ws"),
        ("custard.example", "wss://custard.example/ws"),
        ("https://custard.example:8443/base/", "wss://custard.example:8443/base/ws"),
        ("wss://custard.example/ws", "wss://custard.example/ws"),
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("http://[::1]:8000", "ws://[::1]:8000/ws"),
        ("http://localhost", "ws://localhost/ws"),
    ],
)
def test_addresses(given: str, dialled: str) -> None:
    assert websocket_url(given) == dialled


@pytest.mark.parametrize(
    "given", ["", "ftp://x", "https://", "https://user:secret@x", "http://x:notaport", "http://[bad"]
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(SettingsError):
        websocket_url(given)


def test_no_token_goes_out_without_tls() -> None:
    with pytest.raises(SettingsError, match="without TLS"):
        websocket_url("http://custard.example")
    assert websocket_url("http://backend:8000", ["backend"]) == "ws://backend:8000/ws"


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('server = "https://file.example"\nlog_level = "error"\npolicy = "/from/file"')
    monkeypatch.setenv("CUSTARD_AGENT_CONFIG", str(config))
    monkeypatch.setenv("CUSTARD_AGENT_SERVER", "https://environment.example")
    monkeypatch.setenv("CUSTARD_AGENT_LOG_LEVEL", "warning")
    settings = load_settings(log_level="debug", server=None)
    assert settings.server == "https://environment.example"
    assert settings.log_level == "debug"
    assert settings.policy == Path("/from/file")


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    token, dsn = tmp_path / "token", tmp_path / "dsn"
    token.write_text("cst_agent_topsecret\n")
    dsn.write_text("postgresql://u:hush@h/d\n")
    settings = load_settings(token_file=token, dsn_file=dsn)
    assert settings.require_token() == "cst_agent_topsecret"
    assert settings.require_dsn() == "postgresql://u:hush@h/d"
    direct = load_settings(token="cst_agent_topsecret", dsn="postgresql://u:hush@h/d")
    assert "topsecret" not in repr(direct)
    assert "hush" not in repr(direct)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGSERVICE", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    with pytest.raises(SettingsError, match="no token"):
        settings.require_token()
    with pytest.raises(SettingsError, match="No database"):
        settings.require_dsn()
    with pytest.raises(SettingsError, match="No backend"):
        _ = settings.websocket_url
    empty = tmp_path / "empty"
    empty.write_text("")
    with pytest.raises(SettingsError, match="empty"):
        load_settings(token_file=empty).require_token()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(dsn_file=tmp_path / "absent").require_dsn()


@pytest.mark.parametrize("token", ["with space", "line\nbreak", "ünïcode"])
def test_a_token_that_cannot_be_a_header(token: str) -> None:
    with pytest.raises(SettingsError, match="characters"):
        load_settings(token=token).require_token()


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="log_level"):
        load_settings(log_level="loud")


def test_a_broken_settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("nonsense")
    monkeypatch.setenv("CUSTARD_AGENT_CONFIG", str(tmp_path / "agent.toml"))
    with pytest.raises(SettingsError):
        load_settings()
