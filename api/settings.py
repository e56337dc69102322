"""What the backend is told by its surroundings: environment variables ``CUSTARD_*``."""

from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from api.errors import BadSettings

LOCAL_MODEL = "qwen2.5-coder-1.5b-instruct"
"""The name asked for at a ``model_base_url`` without ``model_name``."""
HOSTED_MODEL = "gpt-4.1-mini"
"""The name asked for when there is only a key: OpenAI's own service."""


_HINT = "docs/settings.md tells what each setting takes."


class Settings(BaseSettings):
    """The backend's settings; every field has a variable of its name with the prefix ``CUSTARD_``."""

    model_config = SettingsConfigDict(env_prefix="CUSTARD_", extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback needs keys."""
    port: int = Field(default=8765, ge=0, le=65_535)
    """0 takes a free port."""
    home: Path = Field(default_factory=lambda: user_data_path("custard"))
    """Folder of the store and of kept results."""
    store_path: Path | None = None
    """The store's file; None means ``custard.db`` in ``home``."""
    database_url: SecretStr | None = None
    """PostgreSQL that keeps the store instead of that file, for several replicas: libpq's URL or string."""
    nats_url: SecretStr | None = None
    """NATS over which the replicas that share that PostgreSQL speak to each other; may hold a token."""
    frontend_dir: Path = Path(__file__).resolve().parents[1] / "frontend" / "dist"
    """The built user interface; without it only the API is served."""
    public_url: str | None = None
    """How agents and browsers reach this backend, when not by the address that is bound."""
    cors_origins: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Origins of a user interface that is served elsewhere, separated by commas."""
    allowed_hosts: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Names besides the loopback ones and ``public_url``'s that the Host header may hold in single-user
    mode, separated by commas."""

    api_keys: SecretStr = SecretStr("")
    """``tenant:key`` entries separated by commas; empty means single-user mode."""
    api_keys_file: Path | None = None
    """A file with one ``tenant:key`` a line, besides ``api_keys``."""

    model_base_url: str | None = None
    """An OpenAI-compatible server's base, ending in ``/v1``; None with a key means OpenAI itself."""
    model_name: str | None = None
    model_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("model_api_key", "CUSTARD_MODEL_API_KEY", "OPENAI_API_KEY"),
    )
    model_timeout_seconds: float = Field(default=120.0, gt=0)
    """For one call to the model, and for the gap between two pieces of a streamed reply."""

    run_seconds: float = Field(default=600.0, gt=0)
    """A run that takes longer is ended."""
    abandon_seconds: float = Field(default=20.0, ge=0)
    """How long a run goes on when its last listener has left; longer than a page takes to reconnect."""
    statement_seconds: float = Field(default=60.0, gt=0)
    """What the backend grants one statement; the owner's policy holds when it is stricter."""
    max_rows: int = Field(default=10_000, gt=0)
    max_result_bytes: int = Field(default=32 * 1024 * 1024, gt=0)
    max_running: int = Field(default=64, gt=0)
    """Runs under way at once; more wait, tenants in rotation."""
    max_running_per_connection: int = Field(default=16, gt=0)
    max_running_per_tenant: int | None = Field(default=None, gt=0)
    """None means three quarters of ``max_running`` where there are several tenants, elsewhere all of it."""
    max_waiting: int = Field(default=256, ge=0)
    """Runs that may wait; more are answered with 503."""
    max_waiting_per_tenant: int = Field(default=128, ge=0)
    agents_per_second: float = Field(default=300.0, ge=1)
    """Agents let in a second; more are answered with 503 and a time to come back."""
    max_repairs: int = Field(default=3, ge=0, le=10)
    max_rechecks: int = Field(default=0, ge=0, le=3)
    """Further queries that an odd result may ask for, each kept only if it cures what was odd."""
    candidates: int = Field(default=1, ge=1, le=7)
    """Drafts of each question whose results are held against each other; 1 makes no further one."""
    second_draft: bool = True
    """Whether a doubtful result is held against that of a draft made with the whole schema."""
    value_hints: bool = False
    """Whether the model is shown values of the database that the question's words meet."""
    export_seconds: float = Field(default=3_600.0, gt=0)
    """What one export may take; the owner's policy holds when it is stricter."""
    export_stall_seconds: float = Field(default=120.0, gt=0)
    """How long the reader of an export may take nothing before it is given up."""
    max_exports: int = Field(default=8, gt=0)
    """Exports at once; four times as many wait, tenants in rotation, and more are answered with 503."""
    max_exports_per_tenant: int | None = Field(default=None, gt=0)
    """None means half of ``max_exports`` where there are several tenants, and all of it elsewhere."""
    results_bytes: int = Field(default=512 * 1024 * 1024, gt=0)
    """Bytes of whole results kept on disk; the oldest go first."""
    reconnect_seconds: float = Field(default=15.0, ge=0)
    """How long a run waits for an agent that went away in its middle."""
    join_code_minutes: float = Field(default=15.0, gt=0)
    drain_seconds: float | None = Field(default=None, ge=0)
    """What runs under way are given to finish when the backend is told to stop; None means 30 where other
    replicas take the questions meanwhile, and 5 elsewhere."""
    listen_fd: int | None = Field(default=None, ge=3)
    """A listening socket that was inherited, instead of ``host`` and ``port``: replicas share one."""
    ready_fd: int | None = Field(default=None, ge=3)
    """An inherited pipe that is written to when questions can be taken."""
    log_level: str = "info"

    @field_validator("cors_origins", "allowed_hosts", mode="before")
    @classmethod
    def _from_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
        return value

    @field_validator("public_url", "model_base_url", mode="after")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            parts = urlsplit(value)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            whole = False
        if not whole:
            raise ValueError("it is no address such as https://custard.example")
        return value

    @cached_property
    def store_file(self) -> Path:
        """The store's file."""
        return self.store_path or self.home / "custard.db"

    @cached_property
    def keys(self) -> dict[str, str]:
        """Key to tenant; empty in single-user mode.

        Raises:
            BadSettings: an entry is not ``tenant:key``, a key is shorter than 16 characters or given
                twice, or the file cannot be read.
        """
        return _parse_keys(self._key_entries())

    @property
    def grace_seconds(self) -> float:
        """``drain_seconds``, or what that means where it is not set."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 5.0 if self.nats_url is None else 30.0

    @property
    def single_user(self) -> bool:
        """Whether no key is asked for."""
        return not self.keys

    @property
    def several_tenants(self) -> bool:
        """Whether places are held free for whoever has none."""
        return len(set(self.keys.values())) > 1

    @property
    def bound_to_loopback(self) -> bool:
        """Whether only this machine can reach ``host``."""
        return is_loopback(self.host)

    @property
    def model_label(self) -> str | None:
        """The model's name; None when none is configured."""
        if self.model_base_url is not None:
            return self.model_name or LOCAL_MODEL
        return (self.model_name or HOSTED_MODEL) if self.model_api_key is not None else None

    @property
    def model_is_local(self) -> bool:
        """Whether what the model reads stays on this machine."""
        return self.model_base_url is not None and is_loopback(urlsplit(self.model_base_url).hostname or "")

    def _key_entries(self) -> list[str]:
        entries = self.api_keys.get_secret_value().split(",")
        if self.api_keys_file is not None:
            try:
                entries += self.api_keys_file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise BadSettings(
                    f"The keys file {self.api_keys_file} cannot be read.",
                    "Mend CUSTARD_API_KEYS_FILE or the file's permissions.",
                ) from error
        return [entry.strip() for entry in entries if entry.strip() and not entry.strip().startswith("#")]


def load_settings(**chosen: Any) -> Settings:
    """The settings of the environment, with those that were ``chosen`` on top.

    Raises:
        BadSettings: one cannot be taken; the message names its variable, and never its value.
    """
    try:
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        why = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"{_variable(first['loc'])} cannot be used: {why}.", _HINT) from None
    except SettingsError as error:
        raise BadSettings(f"The settings cannot be read: {error}.", _HINT) from None


def _variable(place: tuple[int | str, ...]) -> str:
    """The environment variable of a setting that an error names."""
    name = str(place[0]) if place else ""
    return f"CUSTARD_{name.upper()}" if name in Settings.model_fields else name


def is_loopback(host: str) -> bool:
    """Whether a host name or address, with or without brackets, is this machine's own."""
    bare = host.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _parse_keys(entries: list[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for place, entry in enumerate(entries, 1):
        tenant, _, key = (part.strip() for part in entry.partition(":"))
        if not tenant or not key:
            raise BadSettings(
                f"API key entry {place} is not of the form tenant:key.", "Mend CUSTARD_API_KEYS."
            )
        if len(key) < 16:
            raise BadSettings(
                f"The API key of tenant {tenant} has fewer than 16 characters.",
                "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
        if key in keys:
            raise BadSettings(f"API key entry {place} repeats an earlier key.", "Give every tenant its own.")
        keys[key] = tenant
    return keys
