-- Everything that the first version keeps. Identifiers sort byte by byte, as they do in SQLite: they begin
-- with their time. What is JSON is text: it is read whole, and jsonb would refuse an escaped NUL.
CREATE TABLE connections (
    connection_id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    instructions text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX connections_of_tenant ON connections (tenant, connection_id);

CREATE TABLE join_codes (
    code_hash text PRIMARY KEY,
    tenant text NOT NULL,
    connection_id text COLLATE "C" NOT NULL REFERENCES connections ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE agents (
    agent_id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    connection_id text COLLATE "C" NOT NULL REFERENCES connections ON DELETE CASCADE,
    name text NOT NULL,
    token_hash text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_seen_at timestamptz,
    epoch bigint NOT NULL DEFAULT 0,
    facts text
);
CREATE INDEX agents_of_connection ON agents (connection_id, agent_id);

CREATE TABLE snapshots (
    connection_id text COLLATE "C" PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    fingerprint text NOT NULL,
    policy_digest text NOT NULL,
    snapshot text NOT NULL
);

CREATE TABLE threads (
    thread_id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    connection_id text COLLATE "C" NOT NULL REFERENCES connections ON DELETE CASCADE,
    title text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX threads_by_use ON threads (tenant, updated_at, thread_id);
CREATE INDEX threads_of_connection ON threads (connection_id);

CREATE TABLE runs (
    run_id text COLLATE "C" PRIMARY KEY,
    tenant text NOT NULL,
    connection_id text COLLATE "C" NOT NULL REFERENCES connections ON DELETE CASCADE,
    thread_id text COLLATE "C" NOT NULL REFERENCES threads ON DELETE CASCADE,
    status text NOT NULL,
    question text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    record text
);
CREATE INDEX runs_of_tenant ON runs (tenant, run_id);
CREATE INDEX runs_of_thread ON runs (thread_id, run_id);
CREATE INDEX runs_of_connection ON runs (connection_id);
CREATE INDEX runs_unfinished ON runs (run_id) WHERE finished_at IS NULL;

CREATE TABLE events (
    run_id text COLLATE "C" NOT NULL REFERENCES runs ON DELETE CASCADE,
    position integer NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE idempotency_keys (
    tenant text NOT NULL,
    key text NOT NULL,
    body_hash text NOT NULL,
    run_id text COLLATE "C" NOT NULL REFERENCES runs ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_keys_of_run ON idempotency_keys (run_id);
