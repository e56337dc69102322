"""The database's connection string, and what may be said when it does not lead there."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from agent.errors import SettingsError
from agent.redact import redact
from wire.conninfo import HINT, UNREADABLE, is_plain


def checked(dsn: str) -> str:
    """``dsn``, which the driver will read as it was meant.

    Raises:
        SettingsError: it will not. The driver's own words are not passed on: they quote a piece of it.
    """
    if not is_plain(dsn, conninfo_to_dict):
        raise SettingsError(UNREADABLE, HINT)
    return dsn


def reason_of(error: BaseException | None) -> str:
    """What a person, a log or the backend may read of why a connection failed, in one line."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # The driver's, not the server's: it speaks of what it was given.
        return "the driver cannot use the connection string"
    said = redact(str(error)).strip().splitlines() if error is not None else []
    return said[0] if said else "no answer"
