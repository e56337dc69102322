"""The database's connection string, and what may be said when it does not lead there."""

import os

import psycopg
from psycopg.conninfo import conninfo_to_dict

from agent.errors import SettingsError
from agent.redact import redact
from wire.conninfo import HINT, UNREADABLE, is_plain

CONNECT_SECONDS = 5
"""How long an attempt to connect to the only host may take, seconds."""
CONNECT_SECONDS_EACH = 2
"""The same for each of several hosts, the least that libpq takes. A machine that has died refuses nothing,
and ``prefer-standby`` waits for it twice; a statement waits six seconds for its connection."""


def checked(dsn: str) -> str:
    """``dsn``, which the driver will read as it was meant.

    Raises:
        SettingsError: it will not. The driver's own words are not passed on: they quote a piece of it.
    """
    if not is_plain(dsn, conninfo_to_dict):
        raise SettingsError(UNREADABLE, HINT)
    return dsn


def connect_seconds(dsn: str) -> int:
    """How long an attempt to connect to one of its hosts may take, seconds."""
    said = conninfo_to_dict(dsn)
    hosts = str(said.get("hostaddr") or said.get("host") or os.environ.get("PGHOST", ""))
    return CONNECT_SECONDS_EACH if "," in hosts else CONNECT_SECONDS


def reason_of(error: BaseException | None) -> str:
    """What a person, a log or the backend may read of why a connection failed, in one line."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # The driver's, not the server's: it speaks of what it was given.
        return "the driver cannot use the connection string"
    said = redact(str(error)).strip().splitlines() if error is not None else []
    return said[0] if said else "no answer"
