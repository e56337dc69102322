-- search_path: pax, kasse, "Flug Ops", public
-- An airport: flights, bags, people, shops. What the five before it lack: a trap that leaves a file behind when any
-- function of the owner's is reached, by whatever way; operator classes, ordered-set and hypothetical aggregates,
-- window functions, procedures, functions with bodies in SQL's own grammar, event triggers, views three deep with
-- barriers, invokers and masks below them, heirs with columns of their own, ranges over the owner's types, names
-- with blanks, quotes, emoji and 63 bytes, tables named like the system's.
CREATE SCHEMA "Flug Ops";
CREATE SCHEMA pax;
CREATE SCHEMA kasse;
CREATE SCHEMA api;
CREATE SCHEMA priv;
CREATE SCHEMA traps;
CREATE SCHEMA depot;
CREATE SCHEMA "données";
DO $$
DECLARE word text;
BEGIN
    FOREACH word IN ARRAY ARRAY['pg_trgm', 'hstore', 'citext', 'ltree', 'btree_gist', 'intarray', 'cube', 'file_fdw',
        'postgres_fdw', 'dblink', 'unaccent', 'pg_stat_statements', 'pg_buffercache', 'amcheck', 'pgrowlocks',
        'pgstattuple', 'pg_prewarm', 'fuzzystrmatch', 'tablefunc', 'pgcrypto', 'vector', 'lo', 'isn'] LOOP
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = word) THEN
            EXECUTE format('CREATE EXTENSION %I SCHEMA public', word);
        END IF;
    END LOOP;
END $$;

CREATE TABLE priv.armed (yes boolean);
CREATE TABLE priv.crew_pay (id int PRIMARY KEY, name text, pay numeric, note text);
INSERT INTO priv.crew_pay SELECT g, 'CANARY-CREW-' || g, 31337 + g, 'CANARY-PAY-' || g FROM generate_series(1, 5) g;
CREATE TABLE priv.visits (at timestamptz DEFAULT now(), who text);

-- Whoever is called leaves a file in the server's folder: that outlives a rollback.
CREATE FUNCTION traps.mark(who text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM priv.armed) THEN
        EXECUTE format('COPY (SELECT %L) TO %L', who, current_setting('data_directory') || '/custard_mark');
    END IF;
    RETURN (SELECT note FROM priv.crew_pay LIMIT 1);
END$$;
CREATE FUNCTION traps.calm(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN traps.mark($1); END$$;
CREATE FUNCTION traps.yes(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN traps.mark($1) IS NOT NULL; END$$;
CREATE FUNCTION traps.many(VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT traps.mark($1[1])';
CREATE FUNCTION traps.any_of(anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM traps.mark('any'); RETURN $1; END$$;
CREATE FUNCTION traps.both(IN a int, OUT b int, OUT c text) LANGUAGE plpgsql AS $$BEGIN c := traps.mark('out'); END$$;
CREATE FUNCTION traps.rows() RETURNS SETOF priv.crew_pay LANGUAGE sql STABLE AS 'SELECT * FROM priv.crew_pay';
CREATE FUNCTION traps.defaulted(a int DEFAULT 1, b text DEFAULT 'x') RETURNS text LANGUAGE sql AS 'SELECT traps.mark(b)';
CREATE FUNCTION traps.nothing() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM traps.mark('void'); END$$;
CREATE PROCEDURE traps.act() LANGUAGE plpgsql AS $$BEGIN PERFORM traps.mark('act'); COMMIT; END$$;
CREATE FUNCTION traps.query(text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RETURN QUERY EXECUTE $1; END$$;
CREATE FUNCTION traps.num(double precision) RETURNS double precision LANGUAGE internal WINDOW AS 'window_row_number';
CREATE FUNCTION traps.step(text, anyelement) RETURNS text LANGUAGE sql AS 'SELECT traps.mark(''step'')';
CREATE AGGREGATE traps.gather(anyelement) (sfunc = traps.step, stype = text);
CREATE AGGREGATE public.median(numeric) (sfunc = traps.step, stype = text);
CREATE FUNCTION traps.ordered(text, double precision) RETURNS text LANGUAGE sql AS 'SELECT traps.mark(''ordered'')';
CREATE AGGREGATE public.percentile(double precision ORDER BY double precision) (sfunc = traps.ordered, stype = text);
CREATE FUNCTION traps.hypo(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_concat_ws';
CREATE FUNCTION traps.vetoing() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM traps.mark('event'); END$$;
CREATE FUNCTION traps.on_row() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM traps.mark('row'); RETURN NEW; END$$;

-- Types.
CREATE TYPE pax.tier AS ENUM ('blue', 'silver', 'gold', 'black');
CREATE TYPE pax."Size" AS (w int, h int, "Maß" numeric);
CREATE TYPE pax.iban AS (land text, digits text);
CREATE DOMAIN pax."Box" AS pax."Size";
CREATE DOMAIN pax.code AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN pax.codes AS pax.code[];
CREATE DOMAIN traps.watched AS text CHECK (traps.yes(VALUE));
CREATE DOMAIN traps.watched_list AS traps.watched[];
CREATE TYPE traps.holder AS (id int, word traps.watched);
CREATE TYPE pax.weight AS RANGE (subtype = numeric);
CREATE TYPE traps.slot;
CREATE FUNCTION traps.diff(text, text) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT length(traps.mark(''diff''))::double precision';
CREATE TYPE traps.slot AS RANGE (subtype = text, subtype_diff = traps.diff);
CREATE TYPE traps.rank AS ENUM ('a', 'b', 'c');
CREATE FUNCTION traps.compare(traps.rank, traps.rank) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM traps.mark('compare'); RETURN 0; END$$;
CREATE FUNCTION traps.less(traps.rank, traps.rank) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN traps.mark('less') IS NULL; END$$;
CREATE OPERATOR traps.<# (leftarg = traps.rank, rightarg = traps.rank, function = traps.less);
CREATE OPERATOR CLASS traps.rank_ops DEFAULT FOR TYPE traps.rank USING btree AS OPERATOR 1 traps.<#, FUNCTION 1 traps.compare(traps.rank, traps.rank);
CREATE FUNCTION traps.cat(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT traps.mark(''cat'')';
CREATE OPERATOR public.@@@ (leftarg = text, rightarg = text, function = traps.cat);
CREATE FUNCTION traps.upto(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT traps.yes(''upto'')';
CREATE OPERATOR traps.<= (leftarg = int, rightarg = int, function = traps.upto);
CREATE FUNCTION traps.minus(pax.tier) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT traps.mark(''minus'')';
CREATE OPERATOR public.- (rightarg = pax.tier, function = traps.minus);
CREATE FUNCTION traps.iban_text(pax.iban) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN traps.mark('iban'); END$$;
CREATE CAST (pax.iban AS text) WITH FUNCTION traps.iban_text(pax.iban) AS ASSIGNMENT;
CREATE FUNCTION traps.tier_int(pax.tier) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM traps.mark('tier'); RETURN 1; END$$;
CREATE CAST (pax.tier AS int) WITH FUNCTION traps.tier_int(pax.tier) AS IMPLICIT;
CREATE TYPE pax.cabin AS ENUM ('eco', 'bus');
CREATE FUNCTION traps.cabin_tier(pax.cabin) RETURNS pax.tier LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM traps.mark('cabin'); RETURN 'gold'; END$$;
CREATE CAST (pax.cabin AS pax.tier) WITH FUNCTION traps.cabin_tier(pax.cabin) AS IMPLICIT;
CREATE FUNCTION traps.size_json(pax."Size") RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN to_jsonb(traps.mark('size')); END$$;
CREATE CAST (pax."Size" AS jsonb) WITH FUNCTION traps.size_json(pax."Size");
-- Under PostgreSQL's own names.
CREATE FUNCTION public.upper(pax.tier) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT traps.mark(''upper'')';
CREATE FUNCTION public.abs(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length(traps.mark(''abs''))';
CREATE FUNCTION public.count(pax.tier) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT length(traps.mark(''count''))::bigint';
CREATE FUNCTION public.similarity(pax.tier, text) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT length(traps.mark(''similarity''))::real';
CREATE FUNCTION public.unnest(pax."Size") RETURNS SETOF text LANGUAGE sql IMMUTABLE AS 'SELECT traps.mark(''unnest'')';
CREATE FUNCTION kasse.gross(net numeric, rate numeric DEFAULT 19) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round($1 * (1 + $2 / 100), 2)';

-- People.
CREATE TABLE pax.person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mail text, phone varchar(20), born date, passport text DEFAULT 'CANARY-PASS',
    tier pax.tier, account pax.iban, miles int, home pax.code, "E-Ticket" text, notes jsonb, tags text[], vip boolean, token uuid,
    passport_tail text GENERATED ALWAYS AS (right(passport, 4)) STORED, decade int GENERATED ALWAYS AS ((extract(year from born)::int / 10) * 10) STORED,
    label text GENERATED ALWAYS AS (name || ' #' || miles) STORED
);
INSERT INTO pax.person (name, mail, phone, born, passport, tier, account, miles, home, "E-Ticket", notes, tags, vip, token)
SELECT (ARRAY['Ada', 'Björn', 'Chloë', 'Đorđe', 'Eve'])[1 + g % 5] || ' CANARYX' || g, 'CANARY-MAIL-' || g || '@x.org', '+4930' || lpad(g::text, 6, '0'), date '1955-02-03' + g * 101,
    'CANARY-PASS-' || g, (enum_range(NULL::pax.tier))[1 + g % 4], ROW('DE', 'CANARY-IBAN-' || g)::pax.iban, g * 37 % 9000, (ARRAY['BER', 'MUC', 'CDG', 'WAW'])[1 + g % 4]::pax.code,
    'T' || g, jsonb_build_object('meal', (ARRAY['veg', 'std', 'kosher'])[1 + g % 3], 'seat', jsonb_build_object('row', g % 30, 'side', (ARRAY['A', 'F'])[1 + g % 2])),
    CASE WHEN g % 7 > 0 THEN ARRAY['t' || g % 3, 'u' || g % 5] END, g % 13 = 0, md5(g::text)::uuid FROM generate_series(1, 150) g;
CREATE FUNCTION pax.passport_of(pax.person) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.passport';
CREATE FUNCTION public.passporte(pax.person) RETURNS text LANGUAGE sql STABLE AS 'SELECT traps.mark($1.passport)';
-- Flights: partitions in partitions, one of them in another schema.
CREATE TABLE "Flug Ops"."Flight Leg" (
    id int NOT NULL, no text NOT NULL, "from" pax.code, "to" pax.code, day date NOT NULL, span tstzrange, gates int4multirange, fuel numeric(9, 1), delay interval,
    status "char", captain int, "Crew Note" text DEFAULT 'CANARY-CREWNOTE', hold pax.weight, tail text, alt int[], at point
) PARTITION BY RANGE (day);
CREATE TABLE "Flug Ops".leg_h1 (LIKE "Flug Ops"."Flight Leg" INCLUDING DEFAULTS) PARTITION BY LIST (tail);
CREATE TABLE "Flug Ops"."leg h1 D-AA" PARTITION OF "Flug Ops".leg_h1 FOR VALUES IN ('D-AA', 'D-AB', 'D-AC');
CREATE TABLE depot.leg_h1_rest PARTITION OF "Flug Ops".leg_h1 DEFAULT;
ALTER TABLE "Flug Ops"."Flight Leg" ATTACH PARTITION "Flug Ops".leg_h1 FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE "Flug Ops".leg_h2 PARTITION OF "Flug Ops"."Flight Leg" DEFAULT;
INSERT INTO "Flug Ops"."Flight Leg" (id, no, "from", "to", day, span, gates, fuel, delay, status, captain, "Crew Note", hold, tail, alt, at)
SELECT g, 'CU' || 100 + g % 40, (ARRAY['BER', 'MUC', 'CDG', 'WAW'])[1 + g % 4], (ARRAY['MUC', 'CDG', 'WAW', 'BER'])[1 + g % 4], date '2025-01-01' + g % 365,
    tstzrange(timestamptz '2025-01-01 06:00+00' + g % 365 * interval '1 day' + g % 14 * interval '1 hour', timestamptz '2025-01-01 07:40+00' + g % 365 * interval '1 day' + g % 14 * interval '1 hour'),
    int4multirange(int4range(g % 20, g % 20 + 2), int4range(30, 32)), 2000 + g * 3.5, CASE WHEN g % 3 = 0 THEN g % 90 * interval '1 minute' END, (ARRAY['s', 'd', 'c'])[1 + g % 3]::"char",
    1 + g % 5, 'CANARY-CREWNOTE-' || g, pax.weight(100, 100 + g % 50), 'D-A' || chr(65 + g % 26), ARRAY[g, g * 2, NULL], point(g % 40, g % 17) FROM generate_series(1, 600) g;
CREATE TABLE "Flug Ops".bag (tag text PRIMARY KEY, leg int, owner bigint REFERENCES pax.person, kg numeric(5, 2), size pax."Box", route pax.codes, sealed boolean DEFAULT true, scan bytea, seen timestamp[], path ltree, attrs hstore, colour citext, cabin pax.cabin);
INSERT INTO "Flug Ops".bag SELECT 'B' || lpad(g::text, 5, '0'), 1 + g % 600, 1 + g % 150, (g % 300) / 10.0, ROW(g % 50, g % 40, g % 9)::pax."Size", ARRAY['BER', 'MUC']::pax.code[], g % 9 > 0, decode(md5(g::text), 'hex'),
    ARRAY[timestamp '2025-01-01 05:00' + g * interval '1 hour'], ('belt.' || g % 4 || '.x' || g % 7)::ltree, hstore('fragile', (g % 2)::text) || hstore('w', g::text), (ARRAY['Red', 'red', 'BLUE'])[1 + g % 3], (ARRAY['eco', 'bus']::pax.cabin[])[1 + g % 2] FROM generate_series(1, 300) g;
-- Heirs with columns of their own; one nobody may read.
CREATE TABLE "Flug Ops".vehicle (id int, plate text, cost money);
CREATE TABLE "Flug Ops".truck (litres int, driver_note text) INHERITS ("Flug Ops".vehicle);
CREATE TABLE "Flug Ops".wagon (id int, plate text);
CREATE TABLE priv.armoured (route text) INHERITS ("Flug Ops".wagon);
INSERT INTO "Flug Ops".vehicle SELECT g, 'V' || g, g * 10 FROM generate_series(1, 4) g;
INSERT INTO "Flug Ops".truck SELECT g, 'T' || g, g * 10, g * 100, 'CANARY-DRIVER' FROM generate_series(5, 8) g;
INSERT INTO priv.armoured SELECT 99, 'CANARY-PLATE', 'CANARY-ROUTE';
-- Money.
CREATE TABLE kasse.shop (id int PRIMARY KEY, "Näme 🛍" text, area text COLLATE "C", "a column of exactly sixty-three bytes in all its length as it is" int, "user" text, "or""der" int, "tab	tab" int, " lead" int);
INSERT INTO kasse.shop SELECT g, 'Laden ' || g, 'area ' || g % 3, g, 'u' || g, g * 2, g, g FROM generate_series(1, 12) g;
CREATE TABLE kasse.sale (id int PRIMARY KEY, shop int REFERENCES kasse.shop, buyer bigint, at timestamptz, net numeric(10, 2), method text, card text, lines jsonb, discount real, region text);
INSERT INTO kasse.sale SELECT g, 1 + g % 12, 1 + g % 150, timestamptz '2025-01-01 00:00+00' + g * interval '5 hours 7 minutes', g * 1.37, (ARRAY['cash', 'card', 'miles'])[1 + g % 3], 'CANARY-CARD-' || g,
    jsonb_build_array(jsonb_build_object('sku', 'S' || g % 17, 'qty', 1 + g % 4, 'price', g % 50), jsonb_build_object('sku', 'S' || g % 5, 'qty', 1, 'price', 3)), (g % 4) / 10.0,
    CASE WHEN g % 10 = 0 THEN 'CANARY-REGION' ELSE 'r' || g % 4 END FROM generate_series(1, 900) g;
CREATE TABLE kasse.rate (cur pax.code, during daterange, rate numeric, PRIMARY KEY (cur, during));
INSERT INTO kasse.rate SELECT (ARRAY['USD', 'PLN', 'CHF'])[1 + g % 3], daterange(date '2025-01-01' + (g / 3) * 30, date '2025-01-31' + (g / 3) * 30), 1 + g / 100.0 FROM generate_series(0, 35) g;
-- Tables with the names of the system's, of functions, and of what a statement calls its CTEs.
CREATE TABLE public.pg_settings (name text, setting text);
INSERT INTO public.pg_settings VALUES ('mine', 'not the server''s');
CREATE TABLE public."current_user" (id int, "session_user" text);
INSERT INTO public."current_user" VALUES (1, 'somebody');
CREATE TABLE priv.t (id int, secret text);
INSERT INTO priv.t VALUES (1, 'CANARY-T');
CREATE TABLE public.t (id int, secret text, v int);
INSERT INTO public.t SELECT g, 'open ' || g, g % 5 FROM generate_series(1, 20) g;
CREATE TABLE "données"."Été" ("clé" int PRIMARY KEY, "naïve" text, "secrèt" text, "DÉJÀ vu" date);
INSERT INTO "données"."Été" SELECT g, 'n' || g % 4, 'CANARY-SECRET-' || g, date '2025-05-01' + g FROM generate_series(1, 30) g;
CREATE TABLE traps.things (id int, w traps.watched, ws traps.watched_list, h traps.holder, s traps.slot, r traps.rank);
INSERT INTO traps.things SELECT g, 'w' || g, ARRAY['a', 'b']::text[], ROW(g, 'h' || g)::traps.holder, traps.slot('a', 'b'), 'a' FROM generate_series(1, 4) g;

-- Views, three deep, and windows on what may not be read.
CREATE VIEW api.people AS SELECT id, name, passport AS doc, tier, mail AS contact, home FROM pax.person;
CREATE VIEW api.people_too WITH (security_barrier) AS SELECT id, upper(name) AS name, doc, home FROM api.people WHERE id % 2 = 0;
CREATE VIEW api.people_three AS SELECT p.id, p.name, coalesce(p.doc, '-') AS d, l.no FROM api.people_too p LEFT JOIN "Flug Ops"."Flight Leg" l ON l.id = p.id;
CREATE VIEW api.invoked AS SELECT id, label, miles, phone FROM pax.person WHERE miles > 100;
CREATE VIEW api.whole AS SELECT p FROM pax.person p;
CREATE VIEW api.whole_json AS SELECT id, to_jsonb(p) AS j FROM pax.person p;
CREATE VIEW api.by_pass AS SELECT left(passport, 8) AS head, count(*) AS n FROM pax.person GROUP BY 1;
CREATE VIEW api.sorted AS SELECT id, name FROM pax.person ORDER BY passport LIMIT 10;
CREATE VIEW api.using_card AS SELECT s.id, s.net FROM kasse.sale s JOIN kasse.sale o USING (card);
CREATE VIEW api.legs AS SELECT id, no, "from", "to", day, lower(span) AS off, upper(span) - lower(span) AS airborne, delay FROM "Flug Ops"."Flight Leg";
CREATE VIEW api.late WITH (security_barrier = true) AS SELECT * FROM api.legs WHERE delay > interval '30 minutes';
CREATE VIEW api.sums AS SELECT shop, date_trunc('month', at) AS month, sum(net) AS net, count(*) FILTER (WHERE method = 'card') AS cards FROM kasse.sale GROUP BY 1, 2;
CREATE VIEW api.top_sums AS SELECT *, rank() OVER (PARTITION BY month ORDER BY net DESC) AS place FROM api.sums;
CREATE VIEW api.both AS SELECT id, no AS what FROM "Flug Ops"."Flight Leg" UNION ALL SELECT id, name FROM pax.person;
CREATE VIEW api.pays AS SELECT id, pay FROM priv.crew_pay;
CREATE VIEW api.captains AS SELECT l.id, c.name AS captain FROM "Flug Ops"."Flight Leg" l JOIN priv.crew_pay c ON c.id = l.captain;
CREATE VIEW api.crew_count AS SELECT count(*) AS heads FROM priv.crew_pay;
CREATE VIEW api.marking AS SELECT id, traps.mark('view') AS m FROM public.t;
CREATE VIEW api.settings AS SELECT name, setting FROM pg_catalog.pg_settings;
CREATE RECURSIVE VIEW api.hops (a, b, n) AS SELECT "from"::text, "to"::text, 1 FROM "Flug Ops"."Flight Leg" UNION SELECT h.a, l."to"::text, n + 1 FROM "Flug Ops"."Flight Leg" l JOIN hops h ON h.b = l."from" WHERE n < 4;
CREATE MATERIALIZED VIEW api.daily AS SELECT day, count(*) AS legs, sum(fuel) AS fuel FROM "Flug Ops"."Flight Leg" GROUP BY day;
CREATE MATERIALIZED VIEW api.docs AS SELECT id, passport FROM pax.person;
CREATE MATERIALIZED VIEW api.turnover AS SELECT region, sum(net) AS net FROM kasse.sale GROUP BY region;
CREATE VIEW api.docs_view AS SELECT * FROM api.docs;
CREATE TABLE api.logged (id int, what text);
INSERT INTO api.logged VALUES (1, 'one');
CREATE RULE note AS ON INSERT TO api.logged DO ALSO SELECT traps.mark('rule');
CREATE TRIGGER t BEFORE INSERT ON api.logged FOR EACH ROW EXECUTE FUNCTION traps.on_row();
CREATE SEQUENCE kasse.receipt START 700;
SELECT nextval('kasse.receipt');
CREATE FUNCTION pax.cards() RETURNS TABLE (id int, card text) LANGUAGE sql STABLE AS 'SELECT id, card FROM kasse.sale';
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN
        EXECUTE 'CREATE FUNCTION pax.standard(p bigint) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT passport FROM pax.person WHERE id = p; END';
    ELSE
        EXECUTE 'CREATE FUNCTION pax.standard(p bigint) RETURNS text LANGUAGE sql STABLE AS ''SELECT passport FROM pax.person WHERE id = p''';
    END IF;
    IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'ALTER VIEW api.invoked SET (security_invoker)';
    END IF;
    EXECUTE format('ALTER TABLE kasse.sale ADD COLUMN card_end text GENERATED ALWAYS AS (right(card, 3)) %1$s, ADD COLUMN gross numeric GENERATED ALWAYS AS (net * 1.19) %1$s',
        CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END);
END $$;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE "Flug Ops".passwd (line text) SERVER files OPTIONS (filename '/etc/passwd');
CREATE FOREIGN TABLE kasse.run (line text) SERVER files OPTIONS (program 'id');
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE kasse.far (id int) SERVER far;
ALTER TABLE kasse.sale ENABLE ROW LEVEL SECURITY;
CREATE POLICY cashless ON kasse.sale USING (method <> 'cash');
CREATE STATISTICS pax.tells (mcv) ON passport, tier FROM pax.person;
CREATE INDEX ON pax.person (lower(passport));
CREATE TEXT SEARCH CONFIGURATION pax.simple2 (COPY = simple);
CREATE EVENT TRIGGER watching ON ddl_command_start EXECUTE FUNCTION traps.vetoing();
COMMENT ON COLUMN pax.person.passport IS 'CANARY-COMMENT';
SELECT lo_from_bytea(626262, 'CANARY-LARGE'::bytea);
ANALYZE;
INSERT INTO priv.armed VALUES (true);
