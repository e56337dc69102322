"""What the agent is told: by environment (``CUSTARD_AGENT_*``), by a TOML file, or by flags.

Secrets come by environment or file, never by a flag: a flag is seen by every user of the machine. A flag wins
over the environment, the environment over the TOML file, and that over what ``join`` has stored.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agent.errors import SettingsError

PREFIX = "CUSTARD_AGENT_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def config_dir() -> Path:
    """The folder of this user's agent: its identity, and its TOML file if there is one."""
    override = os.environ.get(f"{PREFIX}HOME")
    return (
        Path(override) if override else Path(platformdirs.user_config_dir("custard-agent", appauthor=False))
    )


def identity_file() -> Path:
    """Where ``join`` keeps the token when no other place is named."""
    return config_dir() / "identity.json"


class Settings(BaseSettings):
    """Every setting. Names in the environment carry the prefix ``CUSTARD_AGENT_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True)

    server: str = ""
    """The backend: ``https://host`` or ``wss://host/ws``."""
    token: SecretStr = SecretStr("")
    """The agent's token. Better a file: see ``token_file``."""
    token_file: Path | None = None
    """Holds the token, or what ``join`` wrote. None looks where ``join`` stores by default."""
    dsn: SecretStr = SecretStr("")
    """A libpq connection string or URL."""
    dsn_file: Path | None = None
    """Holds the connection string."""
    policy: Path | None = None
    """The policy file; None allows nothing."""
    accept_dangers: list[str] = Field(default_factory=list)
    """Dangers of the database role to run in spite of, by code (JSON list): ``sees_more``, ``creates``."""
    values_seconds: float = Field(default=900.0, ge=0, le=86_400)
    """How old the index of values may become before it is read anew; 0 keeps none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    health_file: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "custard-agent.health")
    """Written while the agent lives; ``custard-agent health`` reads it."""
    plaintext_hosts: list[str] = Field(default_factory=list)
    """Hosts beside loopback that may be reached without TLS, for a network that you trust (JSON list)."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = Path(os.environ.get(f"{PREFIX}CONFIG") or config_dir() / "agent.toml")
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path))

    @property
    def websocket_url(self) -> str:
        """The address to dial.

        Raises:
            SettingsError: there is none, it is not one, or it would send the token without TLS.
        """
        return websocket_url(
            self.server or str(self._identity().get("websocket_url", "")), self.plaintext_hosts
        )

    def require_token(self) -> str:
        """The agent's token.

        Raises:
            SettingsError: there is none.
        """
        token = self.token.get_secret_value() or str(self._identity().get("token", ""))
        if not token:
            raise SettingsError(
                "This agent has no token yet.",
                f"Run: custard-agent join URL CODE, or set {PREFIX}TOKEN_FILE.",
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsError("The agent's token holds characters that no token has.", "Copy it again.")
        return token

    def require_dsn(self) -> str:
        """The database's connection string.

        Raises:
            SettingsError: there is none, or it cannot be read.
        """
        dsn = self.find_dsn()
        if dsn is None:
            raise SettingsError(
                "No database is named.",
                f"Set {PREFIX}DSN_FILE to a file that holds its connection string, or {PREFIX}DSN.",
            )
        return dsn

    def find_dsn(self) -> str | None:
        """As ``require_dsn``; None when no database is named."""
        from agent.conninfo import checked

        dsn = self.dsn.get_secret_value()
        if not dsn and self.dsn_file is not None:
            dsn = _read(self.dsn_file, "connection string")
        if not dsn and not any(os.environ.get(name) for name in ("PGHOST", "PGSERVICE", "PGHOSTADDR")):
            return None
        return checked(dsn)

    def _identity(self) -> dict[str, Any]:
        path = self.token_file or identity_file()
        if self.token_file is None and not path.exists():
            return {}
        text = _read(path, "token")
        if not text.startswith("{"):
            return {"token": text}
        try:
            found = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{path} is damaged.", "Join again: custard-agent join URL CODE.") from error
        return found if isinstance(found, dict) else {}


def load_settings(**flags: Any) -> Settings:
    """The settings, with those flags that are not None on top.

    Raises:
        SettingsError: one cannot be taken; the message names it.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting {name} cannot be taken: {first['msg']}", "See docs/agent.md."
        ) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"The settings file cannot be read: {error}") from error


def websocket_url(server: str, plaintext_hosts: list[str] | None = None) -> str:
    """The WebSocket address of a backend that is given as http(s) or ws(s).

    Raises:
        SettingsError: as ``Settings.websocket_url``.
    """
    if not server:
        raise SettingsError(
            "No backend is named.", f"Run: custard-agent join URL CODE, or set {PREFIX}SERVER."
        )
    try:
        parts = urlsplit(server if "://" in server else f"https://{server}")
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"The backend's address is not one: {error}") from error
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not host or parts.username or parts.password:
        raise SettingsError(
            "The backend's address is not one that an agent can dial.",
            "Write https://host or https://host:port.",
        )
    if scheme == "ws" and host not in LOOPBACK and host not in (plaintext_hosts or []):
        raise SettingsError(
            f"{host} would get the agent's token without TLS.",
            f"Use https://, or, in a network that you trust, name the host in {PREFIX}PLAINTEXT_HOSTS.",
        )
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/ws") else f"{path}/ws", "", ""))


def _read(path: Path, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file with the {what} cannot be read: {error}") from error
    if not text:
        raise SettingsError(f"{path}, which should hold the {what}, is empty.")
    return text
