#!/usr/bin/env bash
# The role that the agent connects with: it may read what policy.toml shows, and nothing else.
set -euo pipefail
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set=password="$CUSTARD_AGENT_PASSWORD" <<'SQL'
CREATE ROLE custard_agent LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 8 PASSWORD :'password';
ALTER ROLE custard_agent SET default_transaction_read_only = on;
ALTER ROLE custard_agent SET statement_timeout = '30s';
REVOKE TEMPORARY, CREATE ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO custard_agent;
GRANT USAGE ON SCHEMA public TO custard_agent;
GRANT SELECT (id, name, region) ON customers TO custard_agent;
GRANT SELECT ON orders TO custard_agent;
SQL
