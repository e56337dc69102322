-- search_path: crm, billing, public
-- A mobile network: subscribers, cells, calls in partitions three deep, tickets and plans, with the extensions
-- that such databases have, and owner's objects that are reached without their own name: overloads and operators
-- beside an extension's, operator classes, implicit casts, views that leave rows out.
CREATE SCHEMA crm;
CREATE SCHEMA "Net Ops";
CREATE SCHEMA billing;
CREATE SCHEMA "vertraulich";
CREATE SCHEMA traps;
DO $$
DECLARE word text;
BEGIN
    FOREACH word IN ARRAY ARRAY['pg_trgm', 'hstore', 'citext', 'ltree', 'fuzzystrmatch', 'unaccent', 'cube',
        'earthdistance', 'intarray', 'tablefunc', 'dblink', 'postgres_fdw', 'file_fdw', 'btree_gist', 'lo',
        'pg_stat_statements', 'pg_buffercache', 'pageinspect', 'pgrowlocks', 'pgcrypto', 'uuid-ossp', 'xml2',
        'vector', 'seg', 'isn', 'tsm_system_rows', 'amcheck', 'pgstattuple', 'pg_prewarm'] LOOP
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = word) THEN
            EXECUTE format('CREATE EXTENSION %I SCHEMA public', word);
        END IF;
    END LOOP;
END $$;

CREATE TABLE vertraulich.tokens (id int PRIMARY KEY, token text, amount numeric);
INSERT INTO vertraulich.tokens VALUES (1, 'CANARY-TOKEN-1', 31337), (2, 'CANARY-TOKEN-2', 271828);
CREATE FUNCTION traps.spill() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$BEGIN RETURN (SELECT token FROM vertraulich.tokens LIMIT 1); END$$;

CREATE TYPE crm.tier AS ENUM ('basic', 'silver', 'gold', 'black');
CREATE TYPE crm.postal AS (street text, "Stadt" text, zip text, geo point);
CREATE TYPE "Net Ops"."Band" AS RANGE (subtype = numeric);
CREATE DOMAIN crm.msisdn AS text CHECK (VALUE ~ '^\+[0-9]{6,15}$');
CREATE DOMAIN billing.cents AS bigint CHECK (VALUE >= 0);
CREATE FUNCTION traps.shout(v text) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'CANARY-DOMAIN %', v; END$$;
CREATE DOMAIN traps.loud AS text CHECK (VALUE IS NULL OR VALUE = 'quiet' OR traps.shout(VALUE));

CREATE TABLE crm.subscribers (
    sub_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    msisdn crm.msisdn NOT NULL UNIQUE,
    full_name text NOT NULL,
    mail citext,
    imsi text NOT NULL,
    pin text,
    tier crm.tier NOT NULL DEFAULT 'basic',
    addr crm.postal,
    joined date NOT NULL,
    churned date,
    active daterange GENERATED ALWAYS AS (daterange(joined, churned)) STORED,
    interests text[],
    attrs hstore,
    doc jsonb,
    path ltree,
    credit numeric(12, 2),
    birth_year int,
    country char(2),
    imsi_tail text GENERATED ALWAYS AS (right(imsi, 4)) STORED
);
INSERT INTO crm.subscribers (msisdn, full_name, mail, imsi, pin, tier, addr, joined, churned, interests, attrs,
    doc, path, credit, birth_year, country)
SELECT '+4917' || (100000 + g), (ARRAY['Ada', 'Béla', 'Chloé', 'Dmitri', 'Eda'])[1 + g % 5] || ' N' || g,
    (CASE WHEN g % 2 = 0 THEN 'User' ELSE 'user' END || g % 40 || '@Mail.example')::citext,
    'CANARY-IMSI-' || lpad(g::text, 6, '0'), 'CANARY-PIN-' || g,
    (ARRAY['basic', 'silver', 'gold', 'black'])[1 + g % 4]::crm.tier,
    ROW('Weg ' || g, (ARRAY['Köln', 'Wien', 'Bern'])[1 + g % 3], (50000 + g)::text, point(g % 90, g % 180))::crm.postal,
    date '2018-01-01' + g * 5, CASE WHEN g % 6 = 0 THEN date '2018-01-01' + g * 5 + 400 END,
    ARRAY['sms' || g % 3, 'data' || g % 5], hstore(ARRAY['lang', 'os', 'n'], ARRAY[(ARRAY['de', 'fr'])[1 + g % 2], 'ios' || g % 3, g::text]),
    jsonb_build_object('segment', 's' || g % 4, 'score', g % 100, 'devices', jsonb_build_array(
        jsonb_build_object('imei', g * 7, 'os', (ARRAY['a', 'i'])[1 + g % 2]), jsonb_build_object('imei', g * 11, 'os', 'w'))),
    ('world.eu.' || (ARRAY['de', 'at', 'ch'])[1 + g % 3])::ltree, (g * 3.17)::numeric(12, 2), 1950 + g % 55,
    (ARRAY['DE', 'AT', 'CH'])[1 + g % 3]
FROM generate_series(1, 240) g;

CREATE TABLE "Net Ops"."Cell Sites" (
    "Site Id" int PRIMARY KEY, "parent" int REFERENCES "Net Ops"."Cell Sites", "Größe" numeric, "select" text,
    "日本" text, bands "Net Ops"."Band", windows tstzmultirange, "order" int, loc point, "Vendor" text, up boolean
);
INSERT INTO "Net Ops"."Cell Sites"
SELECT g, CASE WHEN g > 1 THEN g / 2 END, g * 1.5, 's' || g, 'エリア' || g % 4, "Net Ops"."Band"(700 + g, 900 + g),
    tstzmultirange(tstzrange(timestamptz '2024-01-01' + g * interval '1 day', timestamptz '2024-01-02' + g * interval '1 day')),
    g % 7, point(g, g * 2), (ARRAY['Nok', 'Eri', 'Hua'])[1 + g % 3], g % 9 > 0
FROM generate_series(1, 60) g;

CREATE TABLE "Net Ops".cdr (
    cdr_id bigint, sub_id bigint, site int, started timestamptz NOT NULL, seconds int, kind text NOT NULL,
    bytes bigint, cost numeric(10, 4), callee text, quality real
) PARTITION BY RANGE (started);
CREATE TABLE "Net Ops".cdr_2024 PARTITION OF "Net Ops".cdr FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE "Net Ops".cdr_2024_voice PARTITION OF "Net Ops".cdr_2024 FOR VALUES IN ('voice') PARTITION BY HASH (sub_id);
CREATE TABLE "Net Ops".cdr_2024_voice_0 PARTITION OF "Net Ops".cdr_2024_voice FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE billing.cdr_2024_voice_1 PARTITION OF "Net Ops".cdr_2024_voice FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE "Net Ops".cdr_2024_rest PARTITION OF "Net Ops".cdr_2024 DEFAULT;
CREATE TABLE "Net Ops".cdr_old PARTITION OF "Net Ops".cdr DEFAULT;
INSERT INTO "Net Ops".cdr
SELECT g, 1 + g % 240, 1 + g % 60, timestamptz '2023-12-20 00:00+00' + g * interval '3 hours 7 minutes', (g * 37) % 900,
    (ARRAY['voice', 'data', 'sms'])[1 + g % 3], g * 1024 % 1000003, (g % 50) * 0.125, 'CANARY-CALLEE-' || g, (g % 100) / 100.0
FROM generate_series(1, 2400) g;

CREATE TABLE billing.invoices (
    inv_no serial PRIMARY KEY, sub_id bigint REFERENCES crm.subscribers, issued date, due date, net billing.cents,
    vat numeric(4, 3), state text, lines jsonb, memo text, region text
);
INSERT INTO billing.invoices (sub_id, issued, due, net, vat, state, lines, memo, region)
SELECT 1 + g % 240, date '2023-01-01' + g, date '2023-01-15' + g, g * 13, 0.19, (ARRAY['open', 'paid', 'late'])[1 + g % 3],
    jsonb_build_array(jsonb_build_object('sku', 'P' || g % 9, 'qty', g % 4, 'price', g % 30)),
    CASE WHEN g % 4 = 3 THEN 'CANARY-MEMO' ELSE 'memo ' || g END, (ARRAY['nord', 'ost', 'west', 'intern'])[1 + g % 4]
FROM generate_series(1, 700) g;

CREATE TABLE billing.plans (plan text PRIMARY KEY, fee numeric, quota int4range, valid datemultirange, vec real[]);
INSERT INTO billing.plans SELECT 'plan ' || g, g * 4.99, int4range(g, g * 10), datemultirange(daterange(date '2024-01-01', date '2024-01-01' + g * 30)), ARRAY[g, g * 2]::real[] FROM generate_series(1, 12) g;
CREATE TABLE crm.person (id int, label text);
CREATE TABLE crm.employee (badge text, wage numeric) INHERITS (crm.person);
CREATE TABLE crm.manager (bonus text) INHERITS (crm.employee);
INSERT INTO crm.person SELECT g, 'p' || g FROM generate_series(1, 5) g;
INSERT INTO crm.employee SELECT g, 'e' || g, 'CANARY-BADGE-' || g, g * 1000 FROM generate_series(6, 9) g;
INSERT INTO crm.manager SELECT g, 'm' || g, 'CANARY-BADGE-' || g, g * 1000, 'CANARY-BONUS' FROM generate_series(10, 12) g;
CREATE TABLE crm.tickets (ticket int PRIMARY KEY, parent int, sub_id bigint, opened timestamptz, closed timestamptz, subject text, body text, words tsvector, severity int);
INSERT INTO crm.tickets SELECT g, CASE WHEN g > 4 THEN g / 3 END, 1 + g % 240, timestamptz '2024-02-01 08:00+00' + g * interval '5 hours',
    CASE WHEN g % 3 > 0 THEN timestamptz '2024-02-01 08:00+00' + g * interval '9 hours' END, 'No signal in cell ' || g % 60,
    'The customer reports dropped calls and slow data number ' || g, to_tsvector('english', 'The customer reports dropped calls and slow data number ' || g), g % 5
FROM generate_series(1, 150) g;
CREATE TABLE public."user" ("group" text, "table" int, "from" date, "Limit" int, "end" text);
INSERT INTO public."user" SELECT 'g' || g % 3, g, date '2024-05-01' + g, g * g, 'e' FROM generate_series(1, 20) g;
CREATE TABLE crm.kv (k text, v text, tags int[]);
INSERT INTO crm.kv SELECT 'k' || g, CASE WHEN g % 5 = 0 THEN NULL ELSE 'v' || g END, ARRAY[g, g + 1, g % 3] FROM generate_series(1, 30) g;
CREATE SEQUENCE billing.next_no START 77;
CREATE TABLE crm.audit (id int, who text, what text);
INSERT INTO crm.audit VALUES (1, 'CANARY-WHO', 'CANARY-WHAT');
CREATE TABLE crm.loudly (id int, word traps.loud);
INSERT INTO crm.loudly VALUES (1, 'quiet');

-- Views: over views, with and without a barrier, invoking, stored, with instead-of rules.
CREATE VIEW crm.card AS SELECT sub_id, full_name, msisdn, tier, (addr)."Stadt" AS city, imsi AS sim FROM crm.subscribers;
CREATE VIEW crm.card_short AS SELECT sub_id, full_name, city, sim FROM crm.card WHERE tier <> 'black';
CREATE VIEW crm.per_city AS SELECT city, count(*) AS subs FROM crm.card_short GROUP BY city;
CREATE VIEW billing.open_items WITH (security_barrier) AS SELECT inv_no, sub_id, net, due, region FROM billing.invoices WHERE state <> 'paid';
CREATE VIEW billing.money AS SELECT i.inv_no, i.net, s.full_name, s.tier FROM billing.invoices i JOIN crm.subscribers s USING (sub_id);
CREATE VIEW crm.peek AS SELECT id, token FROM vertraulich.tokens;
CREATE VIEW crm.peek_deep AS SELECT id FROM crm.peek;
CREATE VIEW crm.window_tokens AS SELECT id, amount FROM vertraulich.tokens WHERE round(abs(sqrt(abs(amount) + 0 * amount)), 2) > 300;
CREATE VIEW crm.window_all AS SELECT id, amount FROM vertraulich.tokens;
CREATE VIEW crm.called AS SELECT 1 AS one, traps.spill() AS word;
CREATE VIEW crm.pins AS SELECT sub_id, length(pin) AS len FROM crm.subscribers;
CREATE VIEW crm.writable AS SELECT id, label FROM ONLY crm.person;
CREATE RULE take AS ON INSERT TO crm.writable DO INSTEAD INSERT INTO crm.person VALUES (NEW.id, NEW.label);
CREATE MATERIALIZED VIEW billing.by_month AS SELECT date_trunc('month', issued) AS month, sum(net) AS net, count(*) AS n FROM billing.invoices GROUP BY 1;
CREATE MATERIALIZED VIEW crm.sims AS SELECT sub_id, imsi FROM crm.subscribers;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x');
CREATE FOREIGN TABLE crm.remote (id int, v text) SERVER elsewhere;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE crm.passwd (line text) SERVER files OPTIONS (filename '/etc/passwd', format 'text', delimiter E'\x01');
CREATE VIEW crm.remote_view AS SELECT id FROM crm.remote;
ALTER TABLE crm.kv ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_keys ON crm.kv USING (k <> 'k1');

-- Traps: what an owner may have made, and what a statement must not reach.
CREATE FUNCTION public.similarity(text, integer) RETURNS text LANGUAGE sql AS 'SELECT traps.spill()';
CREATE FUNCTION public.levenshtein(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT traps.spill()';
CREATE FUNCTION public.unaccent(integer) RETURNS text LANGUAGE sql AS 'SELECT traps.spill()';
CREATE FUNCTION public.nlevel(text) RETURNS text LANGUAGE sql AS 'SELECT traps.spill()';
CREATE FUNCTION traps.hit(integer, text) RETURNS boolean LANGUAGE sql AS 'SELECT traps.spill() IS NULL';
CREATE FUNCTION traps.say(integer, text) RETURNS text LANGUAGE sql AS 'SELECT traps.spill()';
CREATE OPERATOR public.% (leftarg = integer, rightarg = text, function = traps.say);
CREATE OPERATOR public.<-> (leftarg = integer, rightarg = text, function = traps.say);
CREATE OPERATOR traps.=== (leftarg = integer, rightarg = text, function = traps.hit);
CREATE OPERATOR traps.= (leftarg = integer, rightarg = text, function = traps.hit);
CREATE TYPE traps.weight AS (kg numeric);
CREATE FUNCTION traps.weigh(traps.weight, traps.weight) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN IF current_setting('application_name') LIKE 'custard-agent%' THEN RAISE EXCEPTION 'CANARY-ORDER'; END IF; RETURN sign(($1).kg - ($2).kg); END$$;
CREATE FUNCTION traps.lighter(traps.weight, traps.weight) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN IF current_setting('application_name') LIKE 'custard-agent%' THEN RAISE EXCEPTION 'CANARY-ORDER'; END IF; RETURN ($1).kg < ($2).kg; END$$;
CREATE OPERATOR traps.< (leftarg = traps.weight, rightarg = traps.weight, function = traps.lighter);
CREATE OPERATOR traps.<= (leftarg = traps.weight, rightarg = traps.weight, function = traps.lighter);
CREATE OPERATOR traps.= (leftarg = traps.weight, rightarg = traps.weight, function = traps.lighter, merges, hashes);
CREATE OPERATOR traps.>= (leftarg = traps.weight, rightarg = traps.weight, function = traps.lighter);
CREATE OPERATOR traps.> (leftarg = traps.weight, rightarg = traps.weight, function = traps.lighter);
CREATE OPERATOR CLASS traps.weight_ops DEFAULT FOR TYPE traps.weight USING btree AS
    OPERATOR 1 traps.<, OPERATOR 2 traps.<=, OPERATOR 3 traps.=, OPERATOR 4 traps.>=, OPERATOR 5 traps.>,
    FUNCTION 1 traps.weigh(traps.weight, traps.weight);
CREATE TABLE crm.parcels (id int, w traps.weight, ws traps.weight[]);
INSERT INTO crm.parcels SELECT g, ROW(g)::traps.weight, ARRAY[ROW(g)::traps.weight] FROM generate_series(1, 4) g;
CREATE FUNCTION traps.cmp(integer, integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN IF current_setting('application_name') LIKE 'custard-agent%' THEN RAISE EXCEPTION 'CANARY-RANGE'; END IF; RETURN sign($1 - $2); END$$;
CREATE OPERATOR CLASS traps.odd_ints FOR TYPE integer USING btree AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 1 traps.cmp(integer, integer);
CREATE TYPE traps.span AS RANGE (subtype = integer, subtype_opclass = traps.odd_ints);
CREATE TYPE traps.channel AS ENUM ('app', 'shop');
CREATE FUNCTION traps.channel_no(traps.channel) RETURNS integer LANGUAGE sql AS 'SELECT length(traps.spill())';
CREATE CAST (traps.channel AS integer) WITH FUNCTION traps.channel_no(traps.channel) AS IMPLICIT;
CREATE TABLE crm.contacts (id int, via traps.channel);
INSERT INTO crm.contacts SELECT g, (ARRAY['app', 'shop'])[1 + g % 2]::traps.channel FROM generate_series(1, 6) g;
CREATE AGGREGATE public.total(numeric) (sfunc = numeric_add, stype = numeric);
CREATE FUNCTION billing.gross(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 1.19';
SELECT lo_from_bytea(515151, 'CANARY-LARGE'::bytea);
ANALYZE;
