-- A power company: readings by month, meters with composite and range types, and functions, casts,
-- operators and domains of the owner's own that must not be reached.
CREATE SCHEMA grid;
CREATE SCHEMA billing;
CREATE SCHEMA internal;
CREATE TABLE internal.keys (id int PRIMARY KEY, word text);
INSERT INTO internal.keys VALUES (1, 'CANARY-KEY');
CREATE TABLE internal.calls (at timestamptz DEFAULT clock_timestamp(), who text);

CREATE FUNCTION internal.peek() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$BEGIN RETURN (SELECT word FROM internal.keys LIMIT 1); END$$;

CREATE TYPE grid.phase AS ENUM ('one', 'two', 'three');
CREATE TYPE grid.place AS (street text, town text, zip text);
CREATE TYPE grid.tariff AS (code text, price numeric);
CREATE TYPE grid.volts AS RANGE (subtype = float8);
CREATE DOMAIN grid.percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE FUNCTION internal.fits(t text) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION '% CANARY-DOMAIN', t; END$$;
CREATE DOMAIN grid.checked AS text CHECK (VALUE IS NULL OR internal.fits(VALUE));
CREATE DOMAIN grid.checked_again AS grid.checked;
CREATE TYPE grid.boxed AS (label text, inner_value grid.checked);
CREATE DOMAIN grid.boxes AS grid.boxed;
CREATE TYPE grid.nested AS (one grid.boxed, many grid.checked[]);

CREATE TABLE grid.meters (
    meter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial text NOT NULL UNIQUE,
    owner_name text NOT NULL,
    owner_iban text NOT NULL,
    installed date NOT NULL,
    phase grid.phase NOT NULL,
    at grid.place,
    earlier grid.place[],
    tariffs grid.tariff[],
    safe grid.volts,
    active daterange,
    outages datemultirange,
    rebate grid.percent,
    labels text[],
    info jsonb,
    iban_end text GENERATED ALWAYS AS (right(owner_iban, 4)) STORED,
    age_days int GENERATED ALWAYS AS (date '2026-01-01' - installed) STORED
);
INSERT INTO grid.meters (serial, owner_name, owner_iban, installed, phase, at, earlier, tariffs, safe, active,
    outages, rebate, labels, info)
SELECT 'S' || lpad(g::text, 5, '0'), 'Owner ' || g, 'CANARY-IBAN-' || g, date '2015-01-01' + g * 11,
    (ARRAY['one', 'two', 'three'])[1 + g % 3]::grid.phase,
    ROW('Street ' || g, (ARRAY['Ulm', 'Bern', 'Graz'])[1 + g % 3], (1000 + g)::text)::grid.place,
    ARRAY[ROW('Old ' || g, 'Linz', '4020')::grid.place],
    ARRAY[ROW('day', 0.3 + g * 0.001)::grid.tariff, ROW('night', 0.2)::grid.tariff],
    grid.volts(220, 230 + g), daterange(date '2020-01-01' + g, date '2024-01-01' + g),
    datemultirange(daterange(date '2021-01-01' + g, date '2021-01-03' + g)),
    g % 100, ARRAY['l' || g % 4, 'm' || g % 3],
    jsonb_build_object('model', 'M' || g % 5, 'firmware', jsonb_build_object('major', g % 4, 'minor', g % 9),
        'events', jsonb_build_array(jsonb_build_object('k', 'boot', 'n', g), jsonb_build_object('k', 'err', 'n', g % 3)))
FROM generate_series(1, 200) g;

CREATE TABLE grid.readings (
    meter_id bigint NOT NULL REFERENCES grid.meters,
    taken timestamptz NOT NULL,
    kwh numeric(12, 3) NOT NULL,
    volts real,
    technician text,
    state grid.phase
) PARTITION BY RANGE (taken);
CREATE TABLE grid.readings_2024h1 PARTITION OF grid.readings FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE grid.readings_2024h2 PARTITION OF grid.readings FOR VALUES FROM ('2024-07-01') TO ('2025-01-01')
    PARTITION BY HASH (meter_id);
CREATE TABLE grid.readings_2024h2_0 PARTITION OF grid.readings_2024h2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE billing.readings_2024h2_1 PARTITION OF grid.readings_2024h2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO grid.readings
SELECT 1 + g % 200, timestamptz '2024-01-01 00:00+00' + g * interval '4 hours', (g % 97) * 1.25, 225 + g % 12,
    'CANARY-TECH-' || g % 7, (ARRAY['one', 'two', 'three'])[1 + g % 3]::grid.phase
FROM generate_series(0, 2100) g;

CREATE TABLE billing.invoices (
    no serial PRIMARY KEY, meter_id bigint REFERENCES grid.meters, issued date NOT NULL, total numeric(12, 2),
    paid boolean, region text, memo text
);
INSERT INTO billing.invoices (meter_id, issued, total, paid, region, memo)
SELECT 1 + g % 200, date '2023-01-01' + g, g * 1.17, g % 3 > 0, (ARRAY['north', 'south', 'secret'])[1 + g % 3],
    CASE WHEN g % 3 = 2 THEN 'CANARY-MEMO' ELSE 'memo ' || g END
FROM generate_series(1, 900) g;

CREATE TABLE "Staff Members" ("No" int PRIMARY KEY, "Boss No" int, "Name" text, "Grade" int, "Größe" numeric, "日付" date);
INSERT INTO "Staff Members" SELECT g, nullif(g / 3, 0), 'Staff ' || g, 1 + g % 5, g * 1.5, date '2020-02-02' + g FROM generate_series(1, 40) g;
CREATE TABLE "count" (id int, "sum" int); INSERT INTO "count" SELECT g, g FROM generate_series(1, 5) g;
CREATE TABLE lower (id int, txt text); INSERT INTO lower SELECT g, 'T' || g FROM generate_series(1, 5) g;
CREATE TABLE grid.device (id int, kind text);
CREATE TABLE grid.gateway (ip inet, password text) INHERITS (grid.device);
INSERT INTO grid.device SELECT g, 'd' FROM generate_series(1, 5) g;
INSERT INTO grid.gateway SELECT g, 'g', '10.0.0.1', 'CANARY-PASSWORD' FROM generate_series(6, 9) g;

CREATE VIEW grid.meter_card AS SELECT m.*, (m.at).town AS town FROM grid.meters m;
CREATE VIEW grid.meter_short AS SELECT meter_id, serial, owner_name, town, owner_iban AS bank FROM grid.meter_card;
CREATE VIEW grid.meter_towns AS SELECT town, count(*) AS meters FROM grid.meter_short GROUP BY town;
CREATE VIEW grid.open_invoices WITH (security_barrier) AS
    SELECT no, meter_id, issued, total, region FROM billing.invoices WHERE NOT paid;
CREATE VIEW grid.keys AS SELECT * FROM internal.keys;
CREATE VIEW grid.keys_below AS SELECT id FROM grid.keys;
CREATE VIEW grid.peeked AS SELECT 1 AS one, internal.peek() AS word;
CREATE MATERIALIZED VIEW grid.stored AS SELECT meter_id, owner_iban FROM grid.meters;
CREATE MATERIALIZED VIEW grid.monthly AS
    SELECT date_trunc('month', taken) AS month, sum(kwh) AS kwh FROM grid.readings GROUP BY 1;

-- Functions that would be reached by a name that PostgreSQL has too, or by no name at all.
CREATE FUNCTION public.lower(grid.place) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION public.abs(grid.tariff) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION public.town(grid.tariff) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION grid.length(grid.phase) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION internal.phase_text(grid.phase) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE CAST (grid.phase AS text) WITH FUNCTION internal.phase_text(grid.phase) AS IMPLICIT;
CREATE FUNCTION internal.phase_json(grid.phase) RETURNS json LANGUAGE sql AS 'SELECT to_json(internal.peek())';
CREATE CAST (grid.phase AS json) WITH FUNCTION internal.phase_json(grid.phase);
CREATE FUNCTION internal.place_json(grid.place) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(internal.peek())';
CREATE CAST (grid.place AS jsonb) WITH FUNCTION internal.place_json(grid.place);
CREATE FUNCTION internal.tariff_money(grid.tariff) RETURNS money LANGUAGE sql AS 'SELECT length(internal.peek())::money';
CREATE CAST (grid.tariff AS money) WITH FUNCTION internal.tariff_money(grid.tariff);
CREATE FUNCTION internal.volts_text(float8, grid.volts) RETURNS boolean LANGUAGE sql AS 'SELECT internal.peek() IS NOT NULL';
CREATE OPERATOR grid.<@ (leftarg = float8, rightarg = grid.volts, function = internal.volts_text);
CREATE OPERATOR grid.~~> (leftarg = float8, rightarg = grid.volts, function = internal.volts_text);
CREATE VIEW grid.odd AS SELECT meter_id, 1.5::float8 OPERATOR(grid.~~>) safe AS leaked FROM grid.meters;
CREATE AGGREGATE grid.gather(text) (sfunc = textcat, stype = text, initcond = '');
CREATE FUNCTION pg_catalog.reverse(grid.phase) RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION pg_catalog.zz_peek() RETURNS text LANGUAGE sql AS 'SELECT internal.peek()';
CREATE FUNCTION grid.gross(n numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT n * 1.19';
CREATE VIEW grid.gross_bills AS SELECT no, grid.gross(total) AS gross, region FROM billing.invoices;
CREATE TEXT SEARCH CONFIGURATION grid.plain (COPY = simple);
CREATE COLLATION grid.plain_order FROM "C";
CREATE SEQUENCE grid.ticket;
CREATE TABLE grid.lines (id int, name text, phases grid.phase[]);
INSERT INTO grid.lines SELECT g, 'line ' || g, ARRAY['one', 'two']::grid.phase[] FROM generate_series(1, 4) g;
CREATE TYPE grid.mode AS ENUM ('on', 'off');
CREATE TABLE grid.switches (id int, mode grid.mode);
INSERT INTO grid.switches SELECT g, (ARRAY['on', 'off'])[1 + g % 2]::grid.mode FROM generate_series(1, 6) g;
CREATE FUNCTION internal.mode_json(grid.mode) RETURNS json LANGUAGE sql AS 'SELECT to_json(internal.peek())';
CREATE CAST (grid.mode AS json) WITH FUNCTION internal.mode_json(grid.mode);
CREATE TABLE public.pg_stats (id int);
CREATE VIEW grid.distinct_banks AS SELECT DISTINCT owner_iban, serial FROM grid.meters;
CREATE VIEW grid.both_banks AS SELECT owner_iban AS x FROM grid.meters UNION SELECT serial FROM grid.meters;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE grid.far_away (id int) SERVER far;
CREATE VIEW grid.deep_0 AS SELECT meter_id, serial FROM grid.meters;
DO $$BEGIN FOR n IN 1..24 LOOP
  EXECUTE format('CREATE VIEW grid.deep_%s AS SELECT meter_id, serial FROM grid.deep_%s', n, n - 1);
END LOOP; END$$;
SELECT lo_from_bytea(424242, 'CANARY-LARGE'::bytea);
CREATE STATISTICS grid.stat (dependencies) ON owner_iban, owner_name FROM grid.meters;
ANALYZE;
