-- Who drives a run, until when, and for which time: an event of an earlier epoch is refused.
ALTER TABLE runs
    ADD COLUMN detached boolean NOT NULL DEFAULT false,
    ADD COLUMN owner text,
    ADD COLUMN epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN stop_reason text,
    ADD COLUMN listened_until timestamptz;
