"""The role that the demo's agent connects as: it may read what the policy permits, and nothing else.

The policy is the only list. Which columns are granted is worked out from it and from the catalog, so that
the database refuses on its own whatever the agent's sandbox should ever let through.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from embedded.errors import DemoError
from embedded.paths import home
from wire.policy import Policy

if TYPE_CHECKING:
    from psycopg import Connection

AGENT_ROLE = "custard_agent"
ROLE_COMMENT = "Made by the Custard demo for its agent"
PASSWORD_FILE = "demo-agent.password"  # noqa: S105 (the name of a file)
CONNECTION_LIMIT = 20

SCHEMAS = ("people", "sales", "billing", "support", "web")

ROLE_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "60s",
}
SUPERUSER_SETTINGS = {"temp_file_limit": "1GB"}
"""Set only where we may: these need a superuser."""

RELATIONS = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm')
GROUP BY n.nspname, c.relname
ORDER BY n.nspname, c.relname
"""


def agent_password() -> str:
    """The role's password, made at the first call and kept in the data folder for this user alone."""
    path = home() / PASSWORD_FILE
    try:
        return path.read_text()
    except FileNotFoundError:
        password = secrets.token_urlsafe(24)
    # Written whole or not at all; of two first calls at once, the earlier one's password stays.
    draft = path.with_name(f"{PASSWORD_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
    return _keep(draft, path)


def ensure_role(conn: Connection) -> None:
    """Make the role on this server, unless it is there.

    Raises:
        DemoError: a role of that name is there, but the demo did not make it.
    """
    found = conn.execute(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", [AGENT_ROLE]
    ).fetchone()
    if found is None:
        conn.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOINHERIT CONNECTION LIMIT {} PASSWORD {}").format(
                _ROLE, sql.Literal(CONNECTION_LIMIT), sql.Literal(agent_password())
            )
        )
        conn.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(_ROLE, sql.Literal(ROLE_COMMENT)))
    elif found[0] != ROLE_COMMENT:
        raise DemoError(
            f"This server already has a role {AGENT_ROLE} that the demo did not make.",
            "Rename it, or put the demo on another server with CUSTARD_DEMO_DSN.",
        )
    settings = dict(ROLE_SETTINGS)
    superuser = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if superuser is not None and superuser[0]:
        settings |= SUPERUSER_SETTINGS
    for name, value in settings.items():
        conn.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(_ROLE, sql.Identifier(name), sql.Literal(value))
        )


def set_password(conn: Connection) -> None:
    """Give the role the password that is kept here."""
    conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(_ROLE, sql.Literal(agent_password())))


def grant_permitted(conn: Connection, policy: Policy) -> None:
    """Let the role read what the policy permits of the connected database, column by column."""
    database = sql.Identifier(conn.info.dbname)
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, _ROLE))
    conn.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for schema in SCHEMAS:
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), _ROLE))
    for schema, relation, columns in conn.execute(RELATIONS, [list(SCHEMAS)]).fetchall():
        permitted = [name for name in columns if policy.permits_column(schema, relation, name)]
        if not permitted:
            continue
        # A grant on the whole table would take in columns that are added later.
        listed = sql.SQL(", ").join(map(sql.Identifier, permitted))
        conn.execute(
            sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(listed, sql.Identifier(schema, relation), _ROLE)
        )
    path = sql.SQL(", ").join(map(sql.Identifier, SCHEMAS))
    conn.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(_ROLE, database, path))


_ROLE = sql.Identifier(AGENT_ROLE)


def _keep(draft: Path, path: Path) -> str:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
