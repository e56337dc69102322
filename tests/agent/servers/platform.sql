-- A database as hosted platforms hand it out: extensions in a schema of their own and in public, roles for an
-- HTTP front with everything in public granted to them, row level security, secrets behind a view, job and
-- HTTP functions that anybody may call, event triggers, and functions in public named like PostgreSQL's own.
CREATE SCHEMA extensions;
CREATE EXTENSION pgcrypto SCHEMA extensions;
CREATE EXTENSION "uuid-ossp" SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION unaccent SCHEMA extensions;
CREATE EXTENSION fuzzystrmatch SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION tablefunc SCHEMA extensions;
CREATE EXTENSION pg_stat_statements SCHEMA extensions;
CREATE EXTENSION dblink SCHEMA extensions;
CREATE EXTENSION postgres_fdw SCHEMA extensions;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION ltree SCHEMA public;

CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon, authenticated, service_role TO authenticator;
CREATE ROLE reader LOGIN PASSWORD 'read' NOINHERIT;
GRANT USAGE ON SCHEMA public, extensions TO anon, authenticated, service_role, reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role, reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role, reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role, reader;

CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, encrypted_password text);
INSERT INTO auth.users VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'CANARY@example.org', 'CANARY-hash');
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
GRANT USAGE ON SCHEMA auth TO reader, anon, authenticated;

CREATE TABLE public.profiles (
  id uuid PRIMARY KEY REFERENCES auth.users (id), handle citext UNIQUE, tags hstore, place ltree, phone text
);
INSERT INTO public.profiles VALUES
  ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Ada', 'lang=>en, plan=>pro', 'eu.se.lund', 'CANARY-phone');
CREATE TABLE public.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner uuid, item text, total numeric, placed date
);
INSERT INTO public.orders (owner, item, total, placed)
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Item ' || g, g * 10, DATE '2026-01-01' + g
FROM generate_series(1, 50) AS g;
CREATE TABLE public.notes (id integer, owner uuid, body text);
INSERT INTO public.notes VALUES (1, NULL, 'shared'), (2, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'CANARY-note');
ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON public.notes USING (owner IS NULL OR owner = auth.uid());

CREATE SCHEMA vault;
CREATE TABLE vault.secrets (id integer, name text, secret bytea);
INSERT INTO vault.secrets VALUES (1, 'stripe', extensions.pgp_sym_encrypt('CANARY-stripe', 'key'));
CREATE VIEW vault.decrypted_secrets AS
  SELECT id, name, extensions.pgp_sym_decrypt(secret, 'key') AS decrypted_secret FROM vault.secrets;
GRANT USAGE ON SCHEMA vault TO reader;
GRANT SELECT ON vault.decrypted_secrets TO reader;
CREATE VIEW public.settings AS SELECT name, decrypted_secret FROM vault.decrypted_secrets;

CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigserial, schedule text, command text);
CREATE FUNCTION cron.schedule(text, text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
  $$ INSERT INTO cron.job (schedule, command) VALUES ($1, $2) RETURNING jobid $$;
GRANT USAGE ON SCHEMA cron TO reader;
CREATE SCHEMA net;
CREATE TABLE net.http_request_queue (id bigserial, url text, body text);
CREATE FUNCTION net.http_get(url text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
  $$ INSERT INTO net.http_request_queue (url) VALUES (url) RETURNING id $$;
GRANT USAGE ON SCHEMA net TO reader;
CREATE FUNCTION extensions.http_get(url text) RETURNS text LANGUAGE sql AS $$ SELECT 'CANARY-fetched ' || url $$;

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'x', password 'CANARY-password');
CREATE FOREIGN TABLE public.remote_orders (id integer, total numeric) SERVER elsewhere;

-- Named like PostgreSQL's own, in the schema that everybody has on the path.
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS $$ SELECT secret::text FROM vault.secrets $$;
CREATE FUNCTION public.count_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
  $$ INSERT INTO cron.job (schedule, command) VALUES ('x', 'y') RETURNING jobid $$;
CREATE FUNCTION public.sum(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + $2 $$;
CREATE FUNCTION public.with_vat(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1 * 1.25 $$;

CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'CANARY-ddl'; END $$;
CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
