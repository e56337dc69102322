"""The store's tables, as steps that are each applied once. A step that was released is never changed."""

from sqlite_utils import Database, Migrations

migrations = Migrations("custard")


@migrations()
def first_tables(db: Database) -> None:
    """Everything that the first version keeps."""
    for statement in _FIRST:
        db.execute(statement)


@migrations()
def leases(db: Database) -> None:
    """Who drives a run, until when, and for which time: an event of an earlier epoch is refused."""
    for column in (
        "detached INTEGER NOT NULL DEFAULT 0",
        "owner TEXT",
        "epoch INTEGER NOT NULL DEFAULT 0",
        "lease_until TEXT",
        "stop_reason TEXT",
        "listened_until TEXT",
    ):
        db.execute(f"ALTER TABLE runs ADD COLUMN {column}")


@migrations()
def policies(db: Database) -> None:
    """What this side forbids on top of the owner's policy, as JSON."""
    db.execute("ALTER TABLE connections ADD COLUMN policy TEXT")


@migrations()
def exports(db: Database) -> None:
    """What became of fresh exports, told for a while."""
    db.execute(
        """
        CREATE TABLE exports (
            export_id TEXT PRIMARY KEY,
            run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
            replica TEXT NOT NULL,
            started_at TEXT NOT NULL,
            manifest TEXT NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE INDEX exports_by_age ON exports (started_at)")
    db.execute("CREATE INDEX exports_of_run ON exports (run_id)")


_FIRST = (
    """
    CREATE TABLE connections (
        connection_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        instructions TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX connections_of_tenant ON connections (tenant, connection_id)",
    """
    CREATE TABLE join_codes (
        code_hash TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        connection_id TEXT NOT NULL REFERENCES connections ON DELETE CASCADE,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE agents (
        agent_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        connection_id TEXT NOT NULL REFERENCES connections ON DELETE CASCADE,
        name TEXT NOT NULL,
        token_hash TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        revoked_at TEXT,
        last_seen_at TEXT,
        epoch INTEGER NOT NULL DEFAULT 0,
        facts TEXT
    ) STRICT
    """,
    "CREATE INDEX agents_of_connection ON agents (connection_id, agent_id)",
    """
    CREATE TABLE snapshots (
        connection_id TEXT PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        policy_digest TEXT NOT NULL,
        snapshot TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE threads (
        thread_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        connection_id TEXT NOT NULL REFERENCES connections ON DELETE CASCADE,
        title TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX threads_by_use ON threads (tenant, updated_at, thread_id)",
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        connection_id TEXT NOT NULL REFERENCES connections ON DELETE CASCADE,
        thread_id TEXT NOT NULL REFERENCES threads ON DELETE CASCADE,
        status TEXT NOT NULL,
        question TEXT NOT NULL,
        created_at TEXT NOT NULL,
        finished_at TEXT,
        record TEXT
    ) STRICT
    """,
    "CREATE INDEX runs_of_tenant ON runs (tenant, run_id)",
    "CREATE INDEX runs_of_thread ON runs (thread_id, run_id)",
    "CREATE INDEX runs_unfinished ON runs (run_id) WHERE finished_at IS NULL",
    """
    CREATE TABLE events (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        position INTEGER NOT NULL,
        type TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (run_id, position)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE idempotency_keys (
        tenant TEXT NOT NULL,
        key TEXT NOT NULL,
        body_hash TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        created_at TEXT NOT NULL,
        PRIMARY KEY (tenant, key)
    ) STRICT, WITHOUT ROWID
    """,
)
