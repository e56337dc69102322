-- What became of fresh exports, told by any replica for a while.
CREATE TABLE exports (
    export_id text PRIMARY KEY,
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    replica text NOT NULL,
    started_at timestamptz NOT NULL,
    manifest text NOT NULL
);
CREATE INDEX exports_by_age ON exports (started_at);
CREATE INDEX exports_of_run ON exports (run_id);
